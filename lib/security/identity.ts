// Who a certificate says its holder is, and whether that is who an OPEN says it is. Two forms of name are understood:
//
//   URI       spiffe://<domain>/site/<site>/router/<router>     (SPIFFE ID, spiffe.io/docs/latest/spiffe-specs)
//   DNS name  <router>.<site>.<domain>                          (only where neither router nor site has a dot)
//
// Whether the certificate may be trusted was decided by TLS before; nothing here reads certificates.

/** Names of a certificate's subjectAltName: URIs as they are, DNS names as `dns:NAME` in lower case. */
export type CertificateNames = readonly string[];

/** The URI that stands for a router in its certificate. */
export function routerUri(domain: string, site: string, router: string): string {
  return `spiffe://${domain}/site/${site}/router/${router}`;
}

/** The site in a certificate's names; undefined: none of them has our form. */
export function siteOf(names: CertificateNames): string | undefined {
  const uri = names.find((name) => name.startsWith('spiffe://'));
  return uri === undefined ? undefined : /^spiffe:\/\/[^/]+\/site\/([^/]+)\/router\/[^/]+$/.exec(uri)?.[1];
}

/**
 * Splits what Node prints for a subjectAltName (`URI:spiffe://…, DNS:eg1.site-1.metro`). A value that Node had to quote,
 * because it holds a comma or a quote that could be taken for the next name, is none of ours and is left out.
 */
export function namesOf(subjectAltName: string): CertificateNames {
  const names: string[] = [];
  for (const [, kind, quoted, plain] of subjectAltName.matchAll(
    /(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))/g,
  )) {
    if (quoted !== undefined || plain === undefined) continue;
    if (kind === 'URI') names.push(plain);
    if (kind === 'DNS') names.push(`dns:${plain.toLowerCase()}`);
  }
  return names;
}

export interface ClaimedIdentity {
  readonly domain: string;
  readonly site: string;
  readonly name: string;
}

/** Why a holder of these names is not whom an OPEN claims; '' when it is. */
export function identityFault(names: CertificateNames, claimed: ClaimedIdentity): string {
  const { domain, site, name } = claimed;
  const uris = names.filter((one) => one.startsWith('spiffe://'));
  // SPIFFE X509-SVID 2: exactly one URI, or nobody can tell which of them counts.
  if (uris.length > 1) return `the certificate holds ${uris.length} SPIFFE names`;
  if (uris[0] === routerUri(domain, site, name)) return '';
  const dns = site.includes('.') || name.includes('.') ? undefined : `dns:${name}.${site}.${domain}`.toLowerCase();
  if (uris.length === 0 && dns !== undefined && names.includes(dns)) return '';
  const said = uris[0] ?? names.filter((one) => one.startsWith('dns:')).join(' ');
  return `the certificate is for ${said === '' ? 'nobody' : said}, not for router ${name} of site ${site} in ${domain}`;
}
