import type { Member } from '@imagemill/api';
import { Button } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister, useMembers } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { useSignInOptions } from '../../shared/api/session.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import { Actions } from './actions.tsx';
import { MemberDialog } from './member-dialog.tsx';

/** People of a tenant. */
export function MembersSection({ tenant }: { readonly tenant: string | undefined }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const members = useMembers(tenant);
  const provider = useSignInOptions().data?.provider;
  const change = useAdminister(({ id, disabledAt }: Member) =>
    client.changeMember(id, { disabled: disabledAt === undefined }, { tenant }),
  );
  const [open, setOpen] = useState<Member | 'new'>();
  const help =
    provider === undefined
      ? t('administration.membersHelpKeys')
      : t('administration.membersHelp', { name: provider.name });
  return (
    <Section
      title={t('administration.members')}
      help={help}
      isLoading={members.isPending}
      error={members.error ?? change.error}
      onRetry={() => void members.refetch()}
      action={<Button onClick={() => setOpen('new')}>{t('administration.invite')}</Button>}
    >
      <DataTable
        label={t('administration.members')}
        columns={[
          t('administration.email'),
          t('administration.name'),
          t('administration.role'),
          t('administration.state'),
          t('administration.lastSeen'),
          t('administration.actions'),
        ]}
        empty={members.data?.length === 0 ? t('administration.noMembers') : undefined}
      >
        {members.data?.map((member) => (
          <tr key={member.id}>
            <th scope="row">{member.email}</th>
            <td>{member.name}</td>
            <td>{t(`roles.${member.role}`)}</td>
            <td>
              <StateBadge
                tone={member.disabledAt === undefined ? 'good' : 'danger'}
                words={member.disabledAt === undefined ? t('administration.active') : t('administration.disabled')}
              />
            </td>
            <td>
              {member.lastSeenAt === undefined
                ? t('administration.never')
                : formatDateTime(language, member.lastSeenAt)}
            </td>
            <td>
              <Actions
                actions={[
                  {
                    words: t('administration.change'),
                    label: t('administration.changeOf', { name: member.email }),
                    onClick: () => setOpen(member),
                  },
                  member.disabledAt === undefined
                    ? {
                        words: t('administration.disable'),
                        label: t('administration.disableOf', { name: member.email }),
                        onClick: () => change.mutate(member),
                      }
                    : {
                        words: t('administration.enable'),
                        label: t('administration.enableOf', { name: member.email }),
                        onClick: () => change.mutate(member),
                      },
                ]}
              />
            </td>
          </tr>
        ))}
      </DataTable>
      {open !== undefined && (
        <MemberDialog
          tenant={tenant}
          {...(open === 'new' ? {} : { member: open })}
          onClose={() => setOpen(undefined)}
        />
      )}
    </Section>
  );
}
