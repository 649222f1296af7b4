// The generated parts of a lab's README: what stands between `<!-- name -->` and `<!-- /name -->` belongs to scripts/render,
// the rest to people.
import { linkName, linksOf, type Topology } from './topology.ts';

/** Replaces the text between the marks; throws when they are missing, so that a picture cannot silently get lost. */
export function replaceBlock(text: string, name: string, content: string): string {
  const open = `<!-- ${name} -->\n`;
  const close = `<!-- /${name} -->`;
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from < 0 || to < from) throw new Error(`the README has no <!-- ${name} --> … <!-- /${name} --> block`);
  return text.slice(0, from + open.length) + content + text.slice(to);
}

export function renderAddressTable(topology: Topology): string {
  const nodes = topology.nodes.map((node) => {
    const links = linksOf(topology, node.name)
      .map(({ local, remote }) => `${local.interface} ${local.address} (${remote.node})`)
      .join('<br>');
    const router =
      node.kind === 'router'
        ? [node.routerId, [node.locator, ...node.locators.map(locatorText)].join('<br>'), node.endSid]
        : ['', '', ''];
    return row([node.name, node.site, ...router, links]);
  });
  const services = topology.services.flatMap((service) =>
    service.instances.map((instance) =>
      row([
        `${service.name} ${service.id}`,
        instance.host,
        instance.contactInstance,
        instance.egress,
        instance.sid ?? 'allotted',
      ]),
    ),
  );
  return [
    ...table(['node', 'site', 'router id', 'locator', 'End SID', 'links']),
    ...nodes,
    '',
    ...table(['service', 'host', 'contact instance', 'egress', 'egress SID (End.DX6)']),
    ...services,
    '',
    `Links by name: ${topology.links.map((link) => `\`${linkName(link)}\``).join(', ')}.`,
    '',
  ].join('\n');
}

function locatorText({ prefix, behaviour }: { readonly prefix: string; readonly behaviour: string }): string {
  return `${prefix} (${behaviour})`;
}

function table(heads: readonly string[]): string[] {
  return [row(heads), row(heads.map(() => '---'))];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
