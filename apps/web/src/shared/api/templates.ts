import type { Template, TemplateRequest } from '@imagemill/api';
import { type UseMutationResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { client } from './client.ts';

const templatesKey = ['templates'];

/** Templates of all members, the same on every device; empty until they are known. */
export function useTemplates(): readonly Template[] {
  const { data } = useQuery({
    queryKey: templatesKey,
    queryFn: ({ signal }) => client.listTemplates({ signal }),
    staleTime: 30_000,
  });
  return data?.items ?? none;
}

export type TemplateChange = { readonly name: string; readonly template?: TemplateRequest };

/** Keeps a template under a name, or forgets the one of that name. */
export function useChangeTemplates(): UseMutationResult<unknown, Error, TemplateChange> {
  const queries = useQueryClient();
  return useMutation<unknown, Error, TemplateChange>({
    mutationFn: ({ name, template }) =>
      template === undefined ? client.deleteTemplate(name) : client.saveTemplate(name, template),
    onSettled: () => queries.invalidateQueries({ queryKey: templatesKey }),
  });
}

const none: readonly Template[] = [];
