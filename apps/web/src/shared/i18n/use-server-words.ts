import { useTranslation } from 'react-i18next';
import type { en } from './en.ts';

/** Names and sentences that the server has from the start; what people wrote in their place stays as they wrote it. */
export const known: Readonly<Record<string, keyof typeof en.serverWords>> = {
  'Devices are busy': 'deviceBusy',
  'Scale out: add a device or a worker, or leave bulk work for the night.': 'deviceBusyAdvice',
  'The queue is long': 'queueLong',
  'Start more workers.': 'queueLongAdvice',
  'Pictures fail': 'errorRate',
  'Look at the dead letters of the queue page, and run "imagemill doctor".': 'errorRateAdvice',
  'An engine cannot draw': 'engineDown',
  'Run "imagemill doctor" on its machine; the folder crash-reports says what was under way.': 'engineDownAdvice',
  'A tenant has spent its soft budget': 'budgetReached',
  'The audit log says which; "imagemill cost budget" shows it. Beyond a hard budget nothing is accepted.':
    'budgetReachedAdvice',
  'Jobs wait for a model that no worker has': 'modelMissing',
  'Install the model on a worker ("imagemill models pull"), or cancel the jobs.': 'modelMissingAdvice',
  'The standby site is behind': 'standbyBehind',
  'Look at the replication of the database and whether "imagemill standby" runs; a switch now would lose what is not replicated.':
    'standbyBehindAdvice',
  'this machine': 'thisMachine',
  'command line': 'commandLine',
};

/** Says the server's own words in the reader's language. */
export function useServerWords(): (text: string) => string {
  const { t } = useTranslation();
  return (text) => {
    const key = known[text];
    return key === undefined ? text : t(`serverWords.${key}`);
  };
}
