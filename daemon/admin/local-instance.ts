// What a report is matched with: a contact instance of this router as it is configured.
import type { Instance } from '../../lib/router/state.ts';
import type { LocalInstance } from './backend.ts';

export function localInstance({ config }: Instance): LocalInstance {
  const { service, contactInstance, serviceName, instanceName, metrics } = config;
  return { service, contactInstance, serviceName, instanceName, source: metrics.kind };
}
