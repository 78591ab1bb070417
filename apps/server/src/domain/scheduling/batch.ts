/**
 * Which jobs a worker takes, out of the first of the queue in fair order. Pure.
 *
 * The first job that may run leads. Jobs of the lead's shape follow into the same batch; and a job whose model is
 * loaded may lead instead when its tag is close: changing models costs device time that nobody gets.
 */
export interface Candidate {
  readonly id: string;
  readonly tenantId: string;
  /** The key that asked, where its running jobs are limited. */
  readonly keyId?: string | undefined;
  readonly startTag: number;
  readonly model: string;
  /** Equal for jobs that one model call can draw: model, size, precision. */
  readonly shapeKey: string;
}

export interface PickRequest {
  /** In the order of their tags. */
  readonly candidates: readonly Candidate[];
  readonly loadedModels: ReadonlySet<string>;
  /** Places that are free. */
  readonly limit: number;
  /** Tags that lie this close count as equal; the device time of loading a model is a good value. */
  readonly closeMs: number;
  /** Jobs that a tenant may still start now; absent means no limit. */
  readonly room: ReadonlyMap<string, number>;
  /** The same of keys. @default no limit for any */
  readonly keyRoom?: ReadonlyMap<string, number> | undefined;
  /** Which models may be drawn where the jobs go. @default any */
  readonly served?: ServedModels | undefined;
}

/** Models that may be drawn where jobs go, in groups that the same workers draw. */
export interface ServedModels {
  /** Group of a model; undefined when nobody draws it. */
  groupOf(model: string): string | undefined;
  /** Names of all models that have a group. */
  readonly names: ReadonlySet<string>;
  /** Jobs that each group may still get; absent means no limit. */
  readonly room: ReadonlyMap<string, number>;
}

/** The jobs to claim, the lead first; empty when none may run. */
export function pickBatch(request: PickRequest): readonly Candidate[] {
  const [room, keyRoom] = [new Map(request.room), new Map(request.keyRoom)];
  const groupRoom = new Map(request.served?.room);
  const groupOf = (model: string): string | undefined => (request.served ?? everything).groupOf(model);
  const isOpen = (rooms: ReadonlyMap<string, number>, of: string): boolean => (rooms.get(of) ?? 1) > 0;
  const mayRun = ({ tenantId, keyId = '', model }: Candidate): boolean => {
    const group = groupOf(model);
    return group !== undefined && isOpen(groupRoom, group) && isOpen(room, tenantId) && isOpen(keyRoom, keyId);
  };
  const lead = pickLead(request, request.candidates.filter(mayRun));
  if (lead === undefined || request.limit < 1) return [];
  const picked: Candidate[] = [];
  const take = (candidate: Candidate): void => {
    if (picked.length >= request.limit || !mayRun(candidate)) return;
    picked.push(candidate);
    takePlace(room, candidate.tenantId);
    takePlace(keyRoom, candidate.keyId ?? '');
    takePlace(groupRoom, groupOf(candidate.model) ?? '');
  };
  take(lead);
  for (const candidate of request.candidates)
    if (candidate !== lead && candidate.shapeKey === lead.shapeKey) take(candidate);
  return picked;
}

const everything: Pick<ServedModels, 'groupOf'> = { groupOf: () => '' };

function takePlace(room: Map<string, number>, of: string): void {
  const left = room.get(of);
  if (left !== undefined) room.set(of, left - 1);
}

function pickLead({ loadedModels, closeMs }: PickRequest, candidates: readonly Candidate[]): Candidate | undefined {
  const [first] = candidates;
  if (first === undefined || loadedModels.has(first.model)) return first;
  const isClose = (candidate: Candidate): boolean => candidate.startTag - first.startTag <= closeMs;
  return candidates.find((candidate) => isClose(candidate) && loadedModels.has(candidate.model)) ?? first;
}

/** Jobs of a class that are looked at for one batch. */
export const CLAIM_WINDOW = 64;
/** Tags this close count as equal when one's model is loaded: about the time in which a model of 12 GB loads. */
export const CLOSE_MS = 5_000;
