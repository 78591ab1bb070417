import type { Prices } from '@imagemill/api';
import { Button, TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useAdminister, usePrices } from '../../shared/api/administration.ts';
import { client } from '../../shared/api/client.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { useMessages } from '../../shared/ui/live-region.tsx';
import { Section } from '../../shared/ui/section.tsx';
import styles from './prices-form.module.css';

/** What pictures cost from now on. */
export function PricesForm(): ReactElement {
  const { t } = useTranslation();
  const prices = usePrices();
  return (
    <Section
      title={t('administration.prices')}
      help={t('administration.pricesHelp')}
      isLoading={prices.isPending}
      error={prices.error}
      onRetry={() => void prices.refetch()}
    >
      {prices.data !== undefined && <Fields known={prices.data.prices} />}
    </Section>
  );
}

function Fields({ known }: { readonly known: Prices | undefined }): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const [currency, setCurrency] = useState(known?.currency ?? 'USD');
  const [perPicture, setPerPicture] = useState(String(known?.perPicture ?? 0));
  const [perSecond, setPerSecond] = useState(String(known?.perDeviceSecond ?? 0));
  const save = useAdminister(() =>
    client.setPrices({
      currency: currency.trim().toUpperCase(),
      perPicture: numberOf(perPicture),
      perDeviceSecond: numberOf(perSecond),
    }),
  );
  return (
    <form
      className={styles.form}
      aria-label={t('administration.prices')}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.isPending) save.mutate(undefined, { onSuccess: () => notify(t('administration.saved')) });
      }}
    >
      <TextInput
        label={t('administration.currency')}
        maxLength={3}
        value={currency}
        onChange={({ currentTarget }) => setCurrency(currentTarget.value)}
      />
      <TextInput
        label={t('administration.perPicture')}
        inputMode="decimal"
        maxLength={20}
        value={perPicture}
        onChange={({ currentTarget }) => setPerPicture(currentTarget.value)}
      />
      <TextInput
        label={t('administration.perDeviceSecond')}
        inputMode="decimal"
        maxLength={20}
        value={perSecond}
        onChange={({ currentTarget }) => setPerSecond(currentTarget.value)}
      />
      <Button type="submit" variant="default">
        {t('administration.save')}
      </Button>
      {save.error !== null && <FaultAlert error={save.error} onDismiss={save.reset} />}
    </form>
  );
}

function numberOf(text: string): number {
  return Number(text.trim().replace(',', '.'));
}
