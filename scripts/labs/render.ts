// Writes, or with `--check` compares, everything that is rendered from topologies: the containerlab file, the daemons'
// configurations and the generated parts of the lab's README. Exit 1 and the names of the files on drift.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderMermaid } from './graph.ts';
import { parseLabFile } from './parse-clab.ts';
import { renderClab } from './render-clab.ts';
import { renderConfig } from './render-config.ts';
import { renderAddressTable, replaceBlock } from './render-readme.ts';
import { readTopology, routersOf, type Topology } from './topology.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Path relative to the repository -> text, for one topology. */
export function renderLab(topology: Topology, readReadme: () => string): Map<string, string> {
  const lab = `containerlab/${topology.name}`;
  const clab = renderClab(topology);
  const files = new Map([[`${lab}/${topology.name}.clab.yml`, clab]]);
  for (const router of routersOf(topology))
    files.set(`${lab}/configs/${router.name}.yaml`, renderConfig(topology, router));
  const picture = `\`\`\`mermaid\n${renderMermaid(parseLabFile(clab, join(ROOT, lab, `${topology.name}.clab.yml`), {}))}\`\`\`\n`;
  const readme = replaceBlock(readReadme(), 'picture', picture);
  files.set(`${lab}/README.md`, replaceBlock(readme, 'addresses', renderAddressTable(topology)));
  return files;
}

/** Files whose text on disk is not what the topologies render, and leftovers in `configs/`. */
export function findDrift(root = ROOT): string[] {
  return [...renderAll(root)]
    .filter(([file, text]) => text !== readIfThere(join(root, file)))
    .map(([file]) => file)
    .concat(leftovers(root));
}

function renderAll(root: string): Map<string, string> {
  return new Map(
    topologyNames(root).flatMap((name) => [
      ...renderLab(readTopology(join(root, 'topologies', name, 'topology.json')), () =>
        readIfThere(join(root, 'containerlab', name, 'README.md')),
      ),
    ]),
  );
}

function leftovers(root: string): string[] {
  const rendered = renderAll(root);
  return topologyNames(root).flatMap((name) => {
    const folder = `containerlab/${name}/configs`;
    if (!existsSync(join(root, folder))) return [];
    return readdirSync(join(root, folder))
      .map((file) => `${folder}/${file}`)
      .filter((file) => !rendered.has(file));
  });
}

function topologyNames(root: string): string[] {
  return readdirSync(join(root, 'topologies')).filter((name) =>
    existsSync(join(root, 'topologies', name, 'topology.json')),
  );
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const drift = findDrift();
  if (process.argv.includes('--check')) {
    for (const file of drift) process.stderr.write(`render: ${file} differs from its topology; run scripts/render\n`);
    process.exitCode = drift.length > 0 ? 1 : 0;
  } else {
    const rendered = renderAll(ROOT);
    for (const file of drift) {
      const text = rendered.get(file);
      mkdirSync(dirname(join(ROOT, file)), { recursive: true });
      if (text === undefined) rmSync(join(ROOT, file));
      else writeFileSync(join(ROOT, file), text);
      process.stdout.write(`render: ${text === undefined ? 'removed' : 'wrote'} ${file}\n`);
    }
  }
}
