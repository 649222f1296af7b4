// Real daemons with mutual TLS: ra and its neighbours, each with a certificate of its own, and a host beside them that can
// pose as any of the strangers that ra has as peers. Decides certificates and entries of authorisation; what is proved with it is in the tests.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createAuthority,
  type Issued,
  issueRouter,
  type Validity,
  validFor,
} from '../../scripts/authority/certificate.ts';
import type { Kind } from './hostile-peer.fixture.ts';
import { Lab } from './lab.fixture.ts';
import { NODE, runToEnd } from './program.fixture.ts';

const DAY_MS = 86_400_000;
export const PAST: Validity = { notBeforeMs: Date.now() - 2 * DAY_MS, notAfterMs: Date.now() - DAY_MS };

export interface TlsPlan {
  /** Neighbours of ra. */
  readonly neighbours: readonly string[];
  /** Peers of ra that are no daemons. */
  readonly strangers: readonly string[];
  /** Who signs a router's certificate and for how long, where it is not the common authority for a week. */
  readonly certificates?: Readonly<Record<string, { readonly by?: Issued; readonly validity?: Validity }>>;
  /** In place of options of ra. */
  readonly options?: Readonly<Record<string, unknown>>;
}

export class TlsLab {
  readonly authority = createAuthority('common', validFor(30));
  readonly folder = mkdtempSync(join(tmpdir(), 'cfnd-certs-'));
  readonly lab: Lab;

  readonly #strangers: readonly string[];

  constructor({ neighbours, strangers, certificates = {}, options = {} }: TlsPlan) {
    writeFileSync(join(this.folder, 'ca.pem'), this.authority.certificate);
    this.#strangers = strangers;
    const routers = ['ra', ...neighbours];
    for (const name of [...routers, ...strangers]) {
      const { by = this.authority, validity = validFor(7) } = certificates[name] ?? {};
      this.certify(name, by, validity);
    }
    const authorisation = [
      ...routers.map((name, i) => ({
        site: `site-${name}`,
        'router-ids': [`10.0.0.${i + 1}`],
        locators: [`5f00:0:${i + 1}::/48`],
        relay: name === 'ra' ? ['*'] : [],
      })),
      ...strangers.map((name) => ({
        site: `site-${name}`,
        'router-ids': [this.target(name).routerId],
        services: ['fd00:beef::/64'],
        locators: [`${this.target(name).sid}/48`],
      })),
    ];
    const secure = (name: string) => ({
      security: 'mutual-tls',
      rehearsal: false,
      tls: {
        certificate: join(this.folder, `${name}.pem`),
        key: join(this.folder, `${name}.key`),
        authorities: join(this.folder, 'ca.pem'),
        'check-interval': '100ms',
      },
      authorisation,
    });
    const peers = [
      ...neighbours.map((name, i) => ({ name, address: `fd00:ffff:${i}::2`, 'hold-time': '10s' })),
      ...strangers.map((name) => ({ name, address: this.target(name).source, passive: true })),
    ];
    this.lab = new Lab({
      routers,
      links: neighbours.map((name) => ['ra', name] as const),
      patient: true,
      options: {
        ...Object.fromEntries(neighbours.map((name) => [name, secure(name)])),
        ra: { ...secure('ra'), peers, ...options },
      },
    });
    const [first, ...others] = strangers.map((name) => this.target(name).source);
    const host = this.lab.addStranger('x', 'ra', 'x', `${first}/64`, 'fd00:aa::1/64');
    for (const address of others) host.ip('addr', 'add', `${address}/64`, 'dev', 'uplink');
  }

  /** Who a stranger poses as, and to whom. */
  target(name: string) {
    const n = 20 + this.#strangers.indexOf(name);
    return {
      name,
      routerId: `10.9.9.${n}`,
      sid: `5f00:0:${n}::`,
      host: 'fd00:aa::1',
      source: `fd00:aa::${n}`,
      certificate: join(this.folder, name),
    };
  }

  /** A stranger's command line. */
  command(kind: Kind, name: string, more: { readonly certificate?: '' } = {}): string[] {
    const script = join(import.meta.dirname, 'hostile-peer.fixture.ts');
    return [NODE, script, kind, JSON.stringify({ ...this.target(name), ...more })];
  }

  /** Issues, or issues anew; both files in place before anybody who looks sees a half. Returns the key's text. */
  certify(name: string, by = this.authority, validity = validFor(7)): Issued {
    const issued = issueRouter(by, { domain: 'cfn', site: `site-${name}`, router: name }, validity);
    for (const [ending, text] of [
      ['key', issued.key],
      ['pem', issued.certificate],
    ] as const) {
      writeFileSync(join(this.folder, `${name}.${ending}.new`), text, { mode: 0o600 });
      renameSync(join(this.folder, `${name}.${ending}.new`), join(this.folder, `${name}.${ending}`));
    }
    return issued;
  }

  /** What a hostile peer was told. */
  async visit(kind: Kind, name: string, more: { readonly certificate?: '' } = {}): Promise<Record<string, unknown>> {
    const { stdout, stderr } = await runToEnd(this.lab.ns('x'), this.command(kind, name, more));
    const last = stdout.split('\n').at(-1) ?? '';
    if (last === '') throw new Error(`${kind} ended without a word: ${stderr}`);
    return JSON.parse(last) as Record<string, unknown>;
  }

  async peer(name: string) {
    const peers = await this.lab.ask('ra', (admin) => admin.show('peers'));
    const found = peers.find((it) => it.name === name);
    if (found === undefined) throw new Error(`ra has no peer ${name}`);
    return found;
  }

  /** Waits for a line of ra's log. */
  async logged(text: RegExp, fields: Record<string, unknown> = {}): Promise<void> {
    await this.lab.until(`ra says ${text}`, () =>
      this.lab
        .daemon('ra')
        .lines(text)
        .some((line) => Object.entries(fields).every(([name, value]) => line[name] === value)),
    );
  }

  async stop(): Promise<void> {
    await this.lab.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
