// What service and load generator agree on.

/** Header with the name of the contact instance, on every answer of the service. */
export const INSTANCE_HEADER = 'x-contact-instance';
