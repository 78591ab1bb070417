import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Incident, type IncidentBook, incidentKinds } from '../../application/incidents.ts';
import type { Clock, Logger } from '../../application/ports.ts';

export interface IncidentFolderOptions {
  readonly folder: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
  /** Told of every new one. */
  readonly onAdded?: ((incident: Incident) => void) | undefined;
}

/** One JSON file an incident, named by time and kind; the newest 100 stay. */
export function openIncidentFolder({ folder, clock, log, onAdded }: IncidentFolderOptions): IncidentBook {
  let known = readIncidents(folder);
  return {
    list: () => known,
    add(fields) {
      const incident: Incident = { at: clock.now(), ...fields };
      known = [incident, ...known].slice(0, MOST);
      log.error({ kind: incident.kind, action: incident.action }, incident.message);
      onAdded?.(incident);
      try {
        write(folder, incident);
      } catch (err) {
        log.warn({ err }, 'an incident could not be written down');
      }
    },
  };
}

/** Incidents of a folder, newest first; what is no incident is passed over. */
export function readIncidents(folder: string): readonly Incident[] {
  const incidents: Incident[] = [];
  for (const name of namesIn(folder).slice(0, MOST)) {
    try {
      incidents.push(incidentSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))));
    } catch {
      // Cut off by a full disk, or put there by somebody else.
    }
  }
  return incidents;
}

function write(folder: string, incident: Incident): void {
  mkdirSync(folder, { recursive: true });
  const time = new Date(incident.at).toISOString().replaceAll(':', '-');
  const text = JSON.stringify(incident, undefined, 2);
  const whole = text.length <= MAX_LENGTH ? text : JSON.stringify({ ...incident, details: { isCut: true } });
  let name = `${time}-${incident.kind}.json`;
  for (let copy = 2; namesIn(folder).includes(name); copy += 1) name = `${time}-${incident.kind}-${copy}.json`;
  writeFileSync(join(folder, name), whole);
  for (const old of namesIn(folder).slice(MOST)) rmSync(join(folder, old), { force: true });
}

/** Newest first. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d{4}-.*\.json$/.test(name))
      .sort()
      .reverse();
  } catch {
    return []; // not made yet
  }
}

const incidentSchema: z.ZodType<Incident> = z.object({
  at: z.number(),
  kind: z.enum(incidentKinds),
  message: z.string(),
  action: z.string(),
  details: z.record(z.string(), z.unknown()),
});

const MOST = 100;
const MAX_LENGTH = 262_144;
