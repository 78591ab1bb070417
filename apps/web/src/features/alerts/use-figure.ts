import type { AlertSignal } from '@imagemill/api';
import { formatBytes, formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';

/** Writes the value of a signal in its unit. */
export function useFigure(): (signal: AlertSignal, value: number) => string {
  const language = useLanguage();
  return (signal, value) => {
    if (signal === 'device_utilization' || signal === 'error_rate') {
      return `${formatNumber(language, Math.round(value * 1_000) / 10)} %`;
    }
    if (signal === 'free_disk_bytes') return formatBytes(language, value);
    if (signal.endsWith('_seconds')) return formatDuration(language, value * 1_000);
    return formatNumber(language, value);
  };
}
