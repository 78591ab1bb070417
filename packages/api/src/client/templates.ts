import type { Template, TemplateList, TemplateRequest } from '../contracts/template.ts';
import type { Call } from './administration.ts';
import type { CallOptions } from './client.ts';

/** Prompts with fields, kept by the server. */
export interface TemplateClient {
  listTemplates(options?: CallOptions): Promise<TemplateList>;
  /** In place of the one of the same name, if there is one. */
  saveTemplate(name: string, template: TemplateRequest, options?: CallOptions): Promise<Template>;
  /** Also when it is not there any more. */
  deleteTemplate(name: string, options?: CallOptions): Promise<void>;
}

export function createTemplateClient(call: Call): TemplateClient {
  const at = (name: string): string => `/v1/templates/${encodeURIComponent(name)}`;
  return {
    listTemplates: (o = {}) => call('GET', '/v1/templates', o),
    saveTemplate: (name, template, o = {}) => call('PUT', at(name), { ...o, body: template }),
    deleteTemplate: (name, o = {}) => call('DELETE', at(name), o),
  };
}
