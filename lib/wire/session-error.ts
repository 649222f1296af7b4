// The one way the session codec fails: a frame so broken that only closing the stream is left (RFC 7606 section 3).
// It carries the NOTIFICATION that goes on the wire, so the catch site chooses nothing.
import { CodedError } from '../errors.ts';
import type { NotificationMessage } from '../session/message.ts';

/** Subcodes that only the codec needs; names of the IANA "BGP Error Subcodes" registries. */
export const HEADER_SUBCODE = { badLength: 2, badType: 3 } as const;
export const UPDATE_SUBCODE = { malformed: 1, invalidKeys: 10 } as const;
export const REFRESH_SUBCODE = { invalid: 1 } as const;

export class SessionError extends CodedError {
  /** What goes on the wire before the close. */
  readonly notification: NotificationMessage;

  /** `field` is the dotted name of session.proto, `offset` a byte position in the part that was being read. */
  constructor(code: number, subcode: number, field: string, text: string, offset = -1) {
    super('session-frame', `${field}: ${text}`, {
      notificationCode: code,
      notificationSubcode: subcode,
      field,
      offset,
    });
    this.name = 'SessionError';
    this.notification = { type: 'NOTIFICATION', code, subcode, data: field, text };
  }
}
