// How a call of the admin API is answered: an outcome or a stream of messages, and a refusal or a failure as a gRPC status.
import { type handleUnaryCall, type ServerWritableStream, type ServiceError, status } from '@grpc/grpc-js';
import { CodedError } from '../../lib/errors.ts';
import type { Outcome, Refusal } from './backend.ts';

const STATUS_OF: Readonly<Record<Refusal['code'], status>> = {
  'not-found': status.NOT_FOUND,
  invalid: status.INVALID_ARGUMENT,
  unavailable: status.FAILED_PRECONDITION,
};

/** A refusal, and a failure to read the kernel, are the caller's to hear. */
export function unary<Request>(
  handle: (request: Request) => Promise<Outcome<object>>,
): handleUnaryCall<Request, object> {
  return (call, callback) => {
    handle(call.request).then(
      (outcome) => (outcome.ok ? callback(null, outcome.value) : callback(serviceError(outcome))),
      (error: unknown) => callback(failure(error)),
    );
  };
}

/** Ends the call with an error where `handle` has one; otherwise that is up to it. */
export function stream(call: ServerWritableStream<unknown, object>, handle: () => Promise<Refusal | undefined>): void {
  handle().then(
    (refusal) => refusal && call.emit('error', serviceError(refusal)),
    (error: unknown) => call.emit('error', failure(error)),
  );
}

/** Resolves when the transport has taken the message; false: the reader is gone. */
export function write(call: ServerWritableStream<unknown, object>, message: object): Promise<boolean> {
  return new Promise((resolve) => {
    if (call.cancelled || call.writableEnded) return resolve(false);
    const done = (taken: boolean): void => {
      call.off('cancelled', gone);
      call.off('close', gone);
      resolve(taken);
    };
    const gone = (): void => done(false);
    call.on('cancelled', gone);
    call.on('close', gone);
    call.write(message, (error?: Error | null) => done(!error));
  });
}

export function serviceError(refusal: Refusal): ServiceError {
  return grpcError(STATUS_OF[refusal.code], refusal.text);
}

/** The kernel or a tool could not be read: the caller hears it. Anything else is our own bug and is not caught. */
export function failure(error: unknown): ServiceError {
  const coded = error instanceof CodedError || (error instanceof Error && 'code' in error);
  if (!coded)
    queueMicrotask(() => {
      throw error;
    });
  return grpcError(
    coded ? status.UNAVAILABLE : status.INTERNAL,
    error instanceof Error ? error.message : String(error),
  );
}

export function grpcError(code: status, details: string): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata: undefined }) as unknown as ServiceError;
}
