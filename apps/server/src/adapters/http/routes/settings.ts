import { type Setting, settingListSchema } from '@imagemill/api';
import type { App } from '../app-type.ts';
import { json, problems } from '../openapi.ts';

/** @param settings as they hold; secrets are not among them */
export function addSettingsRoute(app: App, settings: readonly Setting[]): void {
  app.get(
    '/v1/settings',
    {
      config: { permission: 'tenants:manage' },
      schema: {
        operationId: 'listSettings',
        summary: 'Settings of the server as they hold, and where each came from',
        description: 'Secrets and passwords are left out. To change one, set it and start the server again.',
        tags: ['system'],
        response: { 200: json('All settings', settingListSchema), ...problems() },
      },
    },
    async () => ({ items: settings }),
  );
}
