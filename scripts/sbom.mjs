// Prints the bill of materials (CycloneDX): of all that npm knows, the packages that ship, by the bundle's own metafile.
//
//   npm run --silent sbom > walletcreds.cdx.json
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.mjs';
import { shippedPackages } from './shipped.mjs';

const cwd = fileURLToPath(new URL('..', import.meta.url));
const all = JSON.parse(
  execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only'], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'inherit'],
  }),
);
const root = all.metadata.component;
root.name = 'walletcreds';
const shipped = new Set(shippedPackages((await bundle()).metafile).map(({ name, version }) => `${name}@${version}`));
const components = all.components.filter(component => shipped.has(component['bom-ref']));
const missing = [...shipped].filter(ref => !components.some(component => component['bom-ref'] === ref));
if (missing.length > 0) throw new Error(`npm's list lacks ${missing.join(', ')}`);
for (const component of components) {
  component.scope = 'required';
  component.properties = component.properties.filter(({ name }) => name !== 'cdx:npm:package:development');
}
const kept = ref => ref === root['bom-ref'] || shipped.has(ref);
const dependencies = all.dependencies
  .filter(({ ref }) => kept(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter(kept) }));
console.log(JSON.stringify({ ...all, components, dependencies }, null, 2));
