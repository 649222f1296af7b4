// The credentials in force and when they change: on SIGHUP, when the admin API says so, and when the files differ from
// what was read. A set of files that does not fit together changes nothing and is said once.
import { statSync } from 'node:fs';
import type { RouterConfig } from '../../lib/config/config.ts';
import { CodedError } from '../../lib/errors.ts';
import { type ClaimedIdentity, identityFault } from '../../lib/security/identity.ts';
import type { Logger } from '../logger.ts';
import { monotonicMs, wallClockMs } from '../runtime/clock.ts';
import { type CredentialFiles, type Credentials, loadCredentials } from './credentials.ts';

export type ReloadOutcome =
  | { readonly ok: true; readonly changed: boolean; readonly credentials: Credentials }
  | { readonly ok: false; readonly text: string };

export interface CredentialStoreOptions {
  readonly files: CredentialFiles;
  /** 0: only when told. */
  readonly checkIntervalMs: number;
  /** Whose certificate it must be. */
  readonly holder: ClaimedIdentity;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}

const DAY_MS = 86_400_000;
/** Certificates are renewed at two thirds of their life: one that is in its last fifth has been forgotten. */
const WARN_SHARE = 0.2;
const EXPIRY_LOOK_MS = 60_000;

export class CredentialStore {
  readonly #options: CredentialStoreOptions;
  #current: Credentials;
  #seen: string;
  #refused = '';
  #warnedAtMs = Number.NEGATIVE_INFINITY;
  readonly #timers: NodeJS.Timeout[] = [];

  /** Throws `CodedError` `bad-credentials`. */
  constructor(options: CredentialStoreOptions) {
    this.#options = options;
    this.#seen = stamp(options.files);
    this.#current = this.#load();
  }

  /** For handshakes that begin now. */
  get current(): Credentials {
    return this.#current;
  }

  start(): void {
    const { checkIntervalMs } = this.#options;
    this.#tellExpiry();
    this.#timers.push(setInterval(() => this.#tellExpiry(), EXPIRY_LOOK_MS).unref());
    if (checkIntervalMs > 0) this.#timers.push(setInterval(() => this.#look(), checkIntervalMs).unref());
  }

  /** Reads the files now; what was in force stays when they do not fit together. */
  reload(): ReloadOutcome {
    this.#seen = stamp(this.#options.files);
    try {
      const next = this.#load();
      const changed = next.fingerprint !== this.#current.fingerprint || !sameAuthorities(next, this.#current);
      this.#current = next;
      this.#refused = '';
      this.#warnedAtMs = Number.NEGATIVE_INFINITY;
      if (changed)
        this.#options.log.info(
          { notAfter: new Date(next.notAfterMs).toISOString(), fingerprint: next.fingerprint },
          'certificate reloaded: new handshakes use it, sessions go on',
        );
      this.#tellExpiry();
      return { ok: true, changed, credentials: next };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (this.#refused !== error.message)
        this.#options.log.error({ reason: error.message }, 'certificate not reloaded: the earlier one stays in force');
      this.#refused = error.message;
      return { ok: false, text: error.message };
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Any peer would refuse a certificate of somebody else: better to say it here. */
  #load(): Credentials {
    const { files, holder } = this.#options;
    const loaded = loadCredentials(files);
    const why = identityFault(loaded.names, holder);
    if (why === '') return loaded;
    throw new CodedError('bad-credentials', `${files.certificate}: ${why}`, { file: files.certificate });
  }

  /** Files are replaced one after the other: what does not fit together yet is tried again when the next one comes. */
  #look(): void {
    if (stamp(this.#options.files) !== this.#seen) this.reload();
  }

  #tellExpiry(): void {
    const { notBeforeMs, notAfterMs } = this.#current;
    const leftMs = notAfterMs - wallClockMs();
    if (leftMs > (notAfterMs - notBeforeMs) * WARN_SHARE) return;
    if (monotonicMs() - this.#warnedAtMs < DAY_MS) return;
    this.#warnedAtMs = monotonicMs();
    const fields = { notAfter: new Date(notAfterMs).toISOString(), file: this.#options.files.certificate };
    if (leftMs > 0) this.#options.log.warn(fields, 'certificate expires soon');
    else this.#options.log.error(fields, 'certificate has expired: no new session will be accepted by a peer');
  }
}

/** The store of a configuration; undefined with plaintext. Throws `CodedError` `bad-credentials`. */
export function openCredentials(
  config: Pick<RouterConfig, 'tls' | 'domain' | 'site' | 'name'>,
  log: CredentialStoreOptions['log'],
): CredentialStore | undefined {
  if (config.tls === undefined) return undefined;
  const { checkIntervalMs, ...files } = config.tls;
  return new CredentialStore({ files, checkIntervalMs, holder: config, log });
}

function sameAuthorities(a: Credentials, b: Credentials): boolean {
  return JSON.stringify(a.options.ca) === JSON.stringify(b.options.ca);
}

/** Changes with every file that is written or replaced, also through a symbolic link. */
function stamp(files: CredentialFiles): string {
  return [files.certificate, files.key, files.authorities]
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found === undefined ? 'missing' : `${found.ino}.${found.mtimeMs}.${found.size}`;
    })
    .join(' ');
}
