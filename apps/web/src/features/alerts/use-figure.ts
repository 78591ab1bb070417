import type { AlertSignal } from '@imagemill/api';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';

/** Writes the value of a signal in its unit. */
export function useFigure(): (signal: AlertSignal, value: number) => string {
  const language = useLanguage();
  return (signal, value) => {
    if (signal === 'device_utilization' || signal === 'error_rate') {
      return formatPercent(language, value, 1);
    }
    if (signal === 'free_disk_bytes') return formatBytes(language, value);
    if (signal.endsWith('_seconds')) return formatDuration(language, value * 1_000);
    return formatNumber(language, value);
  };
}

/** What a threshold is written in: shares in percent, room in gigabytes, all else as the API has it. */
export function unitOf(signal: AlertSignal): { readonly factor: number; readonly name?: string } {
  if (signal === 'device_utilization' || signal === 'error_rate') return { factor: 0.01, name: '%' };
  if (signal === 'free_disk_bytes') return { factor: 1e9, name: 'GB' };
  return signal.endsWith('_seconds') ? { factor: 1, name: 's' } : { factor: 1 };
}
