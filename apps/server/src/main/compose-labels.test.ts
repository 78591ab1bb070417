import { expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { tenantId } from '../domain/ids.ts';
import { createLabelPolicies } from './compose-labels.ts';

it('labels a tenant by its own settings and by those of all where it has none', async () => {
  const tenantLabels = JSON.stringify({ acme: { visibleMark: 'zh', aiLabelProducer: 'ACME' } });
  const environment = { IMAGEMILL_TENANT_LABELS: tenantLabels, IMAGEMILL_VISIBLE_MARK_PERCENT: '8' };
  const policies = createLabelPolicies(loadConfig({ environment, overrides: {} }));
  expect(await policies.of(tenantId('acme'))).toEqual({
    implicitLabel: true,
    producer: 'ACME',
    visibleMark: { language: 'zh', corner: 'bottom-right', heightPercent: 8 },
  });
  const others = { implicitLabel: true, producer: 'Imagemill', visibleMark: undefined };
  expect(await policies.of(tenantId('other'))).toEqual(others);
});

it('puts what the record of a tenant says before the settings, setting by setting', async () => {
  const tenantLabels = JSON.stringify({ acme: { visibleMark: 'zh', aiLabelProducer: 'ACME' } });
  const config = loadConfig({ environment: { IMAGEMILL_TENANT_LABELS: tenantLabels } });
  const policies = createLabelPolicies(config, (tenant) => (tenant === 'acme' ? { visibleMark: 'none' } : undefined));
  const policy = await policies.of(tenantId('acme'));
  expect(policy).toEqual({ implicitLabel: true, producer: 'ACME', visibleMark: undefined });
});

it('refuses a label that there is not, and a mark below the least height', () => {
  for (const labels of ['{"a":{"mark":"zh"}}', '{"a":{"visibleMarkPercent":4}}', 'zh']) {
    expect(() => loadConfig({ environment: { IMAGEMILL_TENANT_LABELS: labels } })).toThrow(/TENANT_LABELS/);
  }
});
