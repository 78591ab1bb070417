import { SAMPLER, SCHEDULE } from '../../../domain/provenance/provenance.ts';

/**
 * Names that clients of A1111 send whatever they are connected to. There is one sampler here, Euler, and all of these
 * mean it: answers, files and `GET samplers` say so.
 */
const otherNames = [
  'Euler a',
  'DPM++ 2M',
  'DPM++ 2M Karras',
  'DPM++ SDE',
  'DPM++ SDE Karras',
  'DPM++ 2M SDE',
  'DPM++ 2M SDE Karras',
  'DPM++ 3M SDE',
  'DPM2',
  'DPM2 a',
  'DPM fast',
  'DPM adaptive',
  'LMS',
  'LMS Karras',
  'Heun',
  'DDIM',
  'DDPM',
  'PLMS',
  'UniPC',
  'LCM',
  'Restart',
] as const;

const known = new Set([SAMPLER, ...otherNames, 'k_euler'].map((name) => name.toLowerCase()));

export function isKnownSampler(name: string): boolean {
  return known.has(name.toLowerCase());
}

export const samplers = [{ name: SAMPLER, aliases: ['k_euler', ...otherNames], options: {} }];

export const schedulers = [
  { name: 'automatic', label: 'Automatic', aliases: null, default_rho: -1, need_inner_model: false },
  { name: SCHEDULE.toLowerCase(), label: SCHEDULE, aliases: null, default_rho: -1, need_inner_model: false },
];
