import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/index.ts';

const FOLDER = 'deploy/kubernetes';

interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Container {
  readonly image: string;
  readonly env: readonly EnvVar[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pods {
  readonly metadata: { readonly labels: Labels };
  readonly spec: {
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly Container[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

type Labels = Readonly<Record<string, string>>;

/** What the kinds here have, each its own part of it. */
interface Spec {
  readonly template: Pods;
  readonly selector: { readonly matchLabels: Labels };
  readonly strategy: { readonly rollingUpdate: unknown };
  readonly ports: readonly { readonly name: string; readonly targetPort: string }[];
  readonly jobLabel: string;
  readonly endpoints: readonly { readonly port: string }[];
  readonly maxUnavailable: number;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Labels };
  readonly spec: Spec;
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(`${FOLDER}/${name}`, 'utf8')).map((document) => {
    expect(document.errors, name).toEqual([]);
    return document.toJS() as Manifest;
  }),
);
function the(kind: string, name?: string): Manifest {
  const found = manifests.find((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
  if (!found) throw new Error(`there is no ${kind} ${name ?? ''}`);
  return found;
}
const services = manifests.filter(({ kind }) => kind === 'Service');
const pods = the('Deployment').spec.template;
const [container] = pods.spec.containers as readonly [Container];

describe('deploy/kubernetes', () => {
  it('kustomization names every file', () => {
    const { resources } = parse(readFileSync(`${FOLDER}/kustomization.yaml`, 'utf8')) as { resources: string[] };
    expect([...resources].sort()).toEqual([...files].sort());
  });

  it('kustomization gives the image of the pods a name and the tag of this version', () => {
    const { images } = parse(readFileSync(`${FOLDER}/kustomization.yaml`, 'utf8')) as {
      images: { name: string; newTag: string }[];
    };
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(images).toMatchObject([{ name: container.image, newTag: version }]);
  });

  it('gives the broker a configuration that is valid, with every secret by reference', async () => {
    const secrets = container.env.filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined);
    const names = secrets.map(({ name }) => name);
    expect(names).toEqual(['REDIS_URL', 'GRIDMOOR_SECRET_KEY', 'GRIDMOOR_ADMIN_KEY', 'PROVISION_SECRET_SMART_METER']);
    const script = readFileSync(`${FOLDER}/secret.example.sh`, 'utf8');
    for (const { valueFrom } of secrets) {
      expect(valueFrom?.secretKeyRef?.name).toBe('gridmoor');
      expect(script).toContain(`\n  ${valueFrom?.secretKeyRef?.key}: "`);
    }
    const env = Object.fromEntries(
      container.env.map(({ name, value }) => [name, value ?? `x${'0123456789'.repeat(5)}`]),
    );
    const loaded = await loadConfig({ env: { ...env, REDIS_URL: 'redis://redis:6379' }, cwd: process.cwd() });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
    expect(loaded.warnings).toEqual([]);
    const { mqtt, http, files: folders } = loaded.config;
    const ports = Object.fromEntries(container.ports.map((port) => [port.name, port.containerPort]));
    expect(ports).toEqual({ mqtt: mqtt.bindPort, 'mqtt-ws': mqtt.wsBindPort, http: http.bindPort });
    expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toContain(folders.dataDir);
  });

  it('asks readiness before traffic and liveness of the process alone, on a port that is there', () => {
    const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
    expect(probes.map(({ httpGet }) => httpGet)).toEqual([
      { path: '/healthz', port: 'http' },
      { path: '/readyz', port: 'http' },
      { path: '/healthz', port: 'http' },
    ]);
    expect(container.ports.map(({ name }) => name)).toContain('http');
  });

  it('leaves a stop the time it needs: preStop, then the broker itself', () => {
    const waitsMs = Number(/(\d+)\)$/.exec(container.lifecycle.preStop.exec.command.at(-1) ?? '')?.[1]);
    expect(waitsMs).toBeGreaterThan(5_000);
    expect(pods.spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(waitsMs + 15_000 + 5_000);
  });

  it('selectors find the pods, services find ports, mounts find volumes', () => {
    const labels = pods.metadata.labels;
    const selectors = [
      the('Deployment').spec.selector.matchLabels,
      the('PodDisruptionBudget').spec.selector.matchLabels,
      ...services.map(({ spec }) => spec.selector),
    ];
    for (const selector of selectors) expect(labels).toMatchObject(selector);
    const ports = container.ports.map(({ name }) => name);
    for (const { spec } of services) for (const port of spec.ports) expect(ports).toContain(port.targetPort);
    const volumes = pods.spec.volumes.map(({ name }) => name);
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(volumes);
  });

  it('ServiceMonitor finds the HTTP service, under the job that the alert rules name', () => {
    const monitor = the('ServiceMonitor');
    const service = the('Service', 'gridmoor-http');
    expect(service.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    expect(service.metadata.labels?.[monitor.spec.jobLabel]).toBe('gridmoor');
    expect(service.spec.ports.map(({ name }) => name)).toContain(monitor.spec.endpoints[0]?.port);
  });

  it('runs without rights: no root, nothing written outside its volumes, no token', () => {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pods.spec).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true } });
  });

  it('a roll-out and a drained node take one broker at a time', () => {
    expect(the('Deployment').spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(the('PodDisruptionBudget').spec.maxUnavailable).toBe(1);
  });
});
