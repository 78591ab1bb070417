import { Button, NativeSelect, TextInput } from '@mantine/core';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useTenants } from '../../shared/api/administration.ts';
import { useBulks } from '../../shared/api/bulks.ts';
import type { PictureFilter } from '../../shared/api/pictures.ts';
import { useCan } from '../../shared/api/session.ts';
import { useModels } from '../../shared/api/system.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { StarIcon } from '../../shared/ui/icons.tsx';
import styles from './filter-bar.module.css';
import { emptyFields, type Fields, filterOf, hasFurther, readAddress, writeAddress } from './filter-fields.ts';

/** What the gallery is narrowed to; told a moment after the last key, and kept in the address. */
export function FilterBar({ onChange }: { readonly onChange: (filter: PictureFilter) => void }): ReactElement {
  const { t } = useTranslation();
  const models = useModels();
  const [{ fields: first, isStarred: wasStarred }] = useState(readAddress);
  const [fields, setFields] = useState<Fields>(first);
  const [isStarred, setIsStarred] = useState(wasStarred);
  const [isOpen, setIsOpen] = useState(() => hasFurther(first));
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => {
    const timer = setTimeout(() => {
      writeAddress(fields, isStarred);
      latest.current(filterOf(fields, isStarred));
    }, 250);
    return () => clearTimeout(timer);
  }, [fields, isStarred]);
  const field: FieldOf = (name) => ({
    value: fields[name],
    onChange: ({ currentTarget: { value } }) => setFields((known) => ({ ...known, [name]: value })),
  });
  const isNarrowed = isStarred || Object.values(fields).some((value) => value !== '');
  return (
    <search className={styles.bar}>
      <TextInput className={styles.text ?? ''} label={t('gallery.text')} maxLength={200} {...field('text')} />
      <NativeSelect
        label={t('compose.model')}
        data={[{ value: '', label: t('gallery.any') }, ...models.map(({ name }) => name)]}
        {...field('model')}
      />
      <TextInput label={t('gallery.tag')} maxLength={60} {...field('tag')} />
      <Button
        variant={isStarred ? 'light' : 'default'}
        aria-pressed={isStarred}
        leftSection={<StarIcon size={16} isFilled={isStarred} />}
        onClick={() => setIsStarred(!isStarred)}
      >
        {t('gallery.onlyStarred')}
      </Button>
      <Button variant="default" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        {isOpen ? t('gallery.fewerFilters') : t('gallery.moreFilters')}
      </Button>
      {isNarrowed && (
        <Button
          variant="subtle"
          onClick={() => {
            setFields(emptyFields);
            setIsStarred(false);
          }}
        >
          {t('gallery.clearFilter')}
        </Button>
      )}
      {isOpen && <MoreFilters field={field} />}
    </search>
  );
}

type FieldOf = (name: keyof Fields) => {
  readonly value: string;
  readonly onChange: (event: { readonly currentTarget: { readonly value: string } }) => void;
};

/** The filters that are wanted less often. */
function MoreFilters({ field }: { readonly field: FieldOf }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const bulks = useBulks().data ?? [];
  const tenants = useTenants(useCan()('tenants:manage')).data ?? [];
  return (
    <div className={styles.more}>
      {tenants.length > 1 && (
        <NativeSelect
          label={t('administration.tenant')}
          data={[
            { value: '', label: t('gallery.ownTenant') },
            { value: '*', label: t('gallery.allTenants') },
            ...tenants.map(({ id, name }) => ({ value: id, label: name === id ? id : `${name} (${id})` })),
          ]}
          {...field('tenant')}
        />
      )}
      {bulks.length > 0 && (
        <NativeSelect
          label={t('navigation.bulks')}
          data={[
            { value: '', label: t('gallery.any') },
            ...bulks.map(({ id, name, createdAt }) => ({
              value: id,
              label: `${name} · ${formatDateTime(language, createdAt)}`,
            })),
          ]}
          {...field('bulkId')}
        />
      )}
      <TextInput label={t('gallery.lora')} maxLength={200} {...field('lora')} />
      <TextInput className={styles.side ?? ''} label={t('compose.width')} inputMode="numeric" {...field('width')} />
      <TextInput className={styles.side ?? ''} label={t('compose.height')} inputMode="numeric" {...field('height')} />
      <TextInput
        className={styles.side ?? ''}
        label={t('gallery.minScore')}
        inputMode="decimal"
        {...field('minScore')}
      />
      <TextInput
        className={styles.side ?? ''}
        label={t('gallery.maxScore')}
        inputMode="decimal"
        {...field('maxScore')}
      />
      <TextInput type="date" label={t('gallery.since')} {...field('since')} />
      <TextInput type="date" label={t('gallery.until')} {...field('until')} />
    </div>
  );
}
