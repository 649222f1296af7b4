import { expect, test } from 'vitest';
import { parseFailedExecs, parseInspect } from './clab-command.ts';

// As containerlab 0.79 printed it.
const log = `20:10:04 INFO Parsing & checking topology file=f.clab.yml
20:10:05 INFO Created link: a:eth1 ▪┄┄▪ b:eth1
20:10:05 INFO Executed command node=b command="ip -6 addr add fd00::2/64 dev eth1" stdout=""
20:10:05 ERRO Failed to execute command command="ip -6 addr add fd00::1/64 dev eth9 nodad" node=a rc=1 stdout=""
  stderr=
  │ Cannot find device "eth9"

20:10:05 ERRO Failed to execute command command="sh -c echo one; echo two; echo 'thr\\"ee' >&2; exit 3" node=a rc=3
  stdout=
  │ one
  │ two

  stderr=
  │ thr"ee
  │ four

20:10:05 ERRO Failed to execute command command=nosuchprogram node=b rc=126
  stdout=
  │ OCI runtime exec failed: unable to start container process
 stderr=""
20:10:05 INFO Adding SSH config for nodes path=/etc/ssh/ssh_config.d/clab-f1.conf
`;

test('failed exec lines are read from the log, with values on one line and on several', () => {
  const script = `echo one; echo two; echo 'thr"ee' >&2; exit 3`;
  const nodes = [
    { name: 'a', exec: [['sh', '-c', script]] },
    { name: 'b', exec: [['nosuchprogram']] },
  ];
  const address = ['ip', '-6', 'addr', 'add', 'fd00::1/64', 'dev', 'eth9', 'nodad'];
  expect(parseFailedExecs(log, nodes)).toEqual([
    { node: 'a', cmd: address, 'return-code': 1, stdout: '', stderr: 'Cannot find device "eth9"' },
    { node: 'a', cmd: ['sh', '-c', script], 'return-code': 3, stdout: 'one\ntwo', stderr: 'thr"ee\nfour' },
    {
      node: 'b',
      cmd: ['nosuchprogram'],
      'return-code': 126,
      stdout: 'OCI runtime exec failed: unable to start container process',
      stderr: '',
    },
  ]);
});

test('a log without failures has none', () => {
  expect(parseFailedExecs('20:10:04 INFO Creating container name=b\n', [])).toEqual([]);
});

test('inspect without labs prints nothing, which is no row', () => {
  expect(parseInspect('\n')).toEqual([]);
});

test('inspect rows of all labs come in one list, an absent owner being empty', () => {
  const row = {
    lab_name: 't1',
    labPath: 't.clab.yml',
    absLabPath: '/l/t.clab.yml',
    name: 'clab-t1-a',
    container_id: 'dc7cd0f9d36a',
    image: 'cfnd:latest',
    kind: 'linux',
    state: 'running',
    status: 'Up 31 seconds',
    ipv4_address: 'N/A',
    ipv6_address: 'N/A',
  };
  const other = { ...row, lab_name: 't2', name: 'clab-t2-a', owner: 'me' };
  expect(parseInspect(JSON.stringify({ t1: [row], t2: [other] }))).toEqual([{ ...row, owner: '' }, other]);
});
