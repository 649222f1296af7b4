// cfn/v1/admin.proto by reflection: the gRPC service definition that server and client share, and the two conversions
// between rows and messages. Field names are those of the views, so nothing is mapped by hand.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { VIEW_KINDS, type ViewKind, type Views } from '../../lib/model/view.ts';

const FILE = 'cfn/v1/admin.proto';
/** In a source checkout; beside the bundle; beside the folder of the bundle. */
const PLACES = ['../../proto/', './proto/', '../proto/'];

/** Reads the .proto that came with this program. */
export function loadAdminService(): ServiceDefinition {
  const candidates = PLACES.map((place) => fileURLToPath(new URL(place + FILE, import.meta.url)));
  const file = candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) throw new Error(`incomplete installation: none of ${candidates.join(', ')} exists`);
  const service = new protobuf.Root().loadSync(file).resolveAll().lookupService('cfn.v1.Admin');
  return Object.fromEntries(service.methodsArray.map((method) => [method.name, definition(service, method)]));
}

function definition(service: protobuf.Service, method: protobuf.Method): MethodDefinition<object, object> {
  const request = codec(method.resolvedRequestType!);
  const response = codec(method.resolvedResponseType!);
  return {
    path: `/${service.fullName.slice(1)}/${method.name}`,
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
    requestSerialize: request.serialize,
    requestDeserialize: request.deserialize,
    responseSerialize: response.serialize,
    responseDeserialize: response.deserialize,
    originalName: method.name.charAt(0).toLowerCase() + method.name.slice(1),
  };
}

function codec(type: protobuf.Type) {
  return {
    serialize: (value: object): Buffer => Buffer.from(type.encode(type.fromObject(value)).finish()),
    deserialize: (bytes: Buffer): object =>
      type.toObject(type.decode(bytes), { longs: Number, defaults: true, arrays: true, objects: true }),
  };
}

/** Most rows in one message of Show and Watch. */
export const ROWS_PER_MESSAGE = 1000;

/** The `Rows` message of one kind. */
export function rowsToMessage<K extends ViewKind>(kind: K, rows: readonly Views[K][]): object {
  return { [fieldOf(kind)]: rows };
}

/** Rows of `kind` in a decoded `Rows` message. */
export function messageToRows<K extends ViewKind>(kind: K, message: object): readonly Views[K][] {
  return ((message as Record<string, unknown>)[fieldOf(kind)] ?? []) as readonly Views[K][];
}

export function isViewKind(text: string): text is ViewKind {
  return (VIEW_KINDS as readonly string[]).includes(text);
}

function fieldOf(kind: ViewKind): string {
  return kind.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
