import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { VIEW_KINDS } from '../../lib/model/view.ts';
import { createFakeBackend } from './fake-backend.fixture.ts';
import { loadAdminService, rowsToMessage } from './proto.ts';

const FOLDER = fileURLToPath(new URL('../../proto/cfn/v1/', import.meta.url));

test('all .proto files of the package load together: no name is defined twice', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.proto'));
  expect(files).toContain('admin.proto');
  expect(() => new protobuf.Root().loadSync(files.map((file) => FOLDER + file)).resolveAll()).not.toThrow();
});

test('every field of every view is described in the .proto, and the other way round', () => {
  const root = new protobuf.Root().loadSync(`${FOLDER}admin.proto`).resolveAll();
  const backend = createFakeBackend();
  const missing: string[] = [];
  const seen = new Set<string>();
  const walk = (type: protobuf.Type, value: object): void => {
    for (const [key, part] of Object.entries(value)) {
      const field = type.fields[key];
      seen.add(`${type.name}.${key}`);
      if (field === undefined) missing.push(`${type.name}.${key}`);
      else if (field.resolvedType instanceof protobuf.Type && !field.map) {
        for (const item of Array.isArray(part) ? (part as object[]) : [part as object]) walk(field.resolvedType, item);
      }
    }
  };
  for (const kind of VIEW_KINDS) walk(root.lookupType('cfn.v1.Rows'), rowsToMessage(kind, backend.rows(kind)));
  walk(root.lookupType('cfn.v1.StatusView'), backend.status());
  const explained = backend.explain('fd00:cafe::80');
  if (!explained.ok) throw new Error(explained.text);
  walk(root.lookupType('cfn.v1.ExplainView'), { ...explained.value, challengedSinceMs: 1 });
  expect(missing).toEqual([]);
  const described = root.lookup('cfn.v1', [protobuf.Namespace]) as protobuf.Namespace;
  const views = described.nestedArray.filter(
    (one): one is protobuf.Type =>
      one instanceof protobuf.Type && /^(?!PolicyTest).*(View|Row|Candidate)$/.test(one.name),
  );
  const fields = views.flatMap((type) => type.fieldsArray.map((field) => `${type.name}.${field.name}`));
  expect(fields.filter((field) => !seen.has(field))).toEqual([]);
});

test('every method of the service has request and response types and the path that gRPC expects', () => {
  const service = loadAdminService();
  expect(
    Object.entries(service).map(([name, { path, requestStream, responseStream }]) => [
      name,
      path,
      requestStream,
      responseStream,
    ]),
  ).toEqual([
    ['Status', '/cfn.v1.Admin/Status', false, false],
    ['Show', '/cfn.v1.Admin/Show', false, true],
    ['Explain', '/cfn.v1.Admin/Explain', false, false],
    ['Drain', '/cfn.v1.Admin/Drain', false, false],
    ['Undrain', '/cfn.v1.Admin/Undrain', false, false],
    ['Report', '/cfn.v1.Admin/Report', false, false],
    ['ReloadCertificates', '/cfn.v1.Admin/ReloadCertificates', false, false],
    ['Session', '/cfn.v1.Admin/Session', false, false],
    ['PolicyTest', '/cfn.v1.Admin/PolicyTest', false, false],
    ['ReloadPolicies', '/cfn.v1.Admin/ReloadPolicies', false, false],
    ['Watch', '/cfn.v1.Admin/Watch', false, true],
  ]);
});
