import type { Member, Role } from '@imagemill/api';
import { roles } from '@imagemill/api/rights';
import { NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { FormDialog } from '../../shared/ui/form-dialog.tsx';

interface MemberDialogProps {
  readonly tenant: string | undefined;
  /** Undefined invites somebody new. */
  readonly member?: Member;
  readonly onClose: () => void;
}

/** Invites a person, or changes their name and role. */
export function MemberDialog({ tenant, member, onClose }: MemberDialogProps): ReactElement {
  const { t } = useTranslation();
  const [email, setEmail] = useState('');
  const [name, setName] = useState(member?.name ?? '');
  const [role, setRole] = useState<Role>(member?.role ?? 'member');
  const save = useAdminister(() => {
    const facts = { role, ...(name.trim() === '' ? {} : { name: name.trim() }) };
    return member === undefined
      ? client.createMember({ email: email.trim(), ...facts, ...(tenant === undefined ? {} : { tenantId: tenant }) })
      : client.changeMember(member.id, facts, { tenant });
  });
  return (
    <FormDialog
      title={member === undefined ? t('administration.invite') : t('administration.changeOf', { name: member.email })}
      action={member === undefined ? t('administration.invite') : t('administration.save')}
      error={save.error}
      isSending={save.isPending}
      isDisabled={member === undefined && email.trim() === ''}
      onSend={() => save.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      {member === undefined && (
        <TextInput
          type="email"
          label={t('administration.email')}
          maxLength={254}
          value={email}
          onChange={({ currentTarget }) => setEmail(currentTarget.value)}
        />
      )}
      <TextInput
        label={t('administration.name')}
        maxLength={200}
        value={name}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
      />
      <RoleField role={role} onChange={setRole} />
    </FormDialog>
  );
}

/** Choice of a role, with what it may do. */
export function RoleField({
  role,
  onChange,
}: {
  readonly role: Role;
  readonly onChange: (role: Role) => void;
}): ReactElement {
  const { t } = useTranslation();
  return (
    <NativeSelect
      label={t('administration.role')}
      description={t(`administration.roleHelp.${role}`)}
      value={role}
      data={roles.map((value) => ({ value, label: t(`roles.${value}`) }))}
      onChange={({ currentTarget }) => onChange(currentTarget.value as Role)}
    />
  );
}
