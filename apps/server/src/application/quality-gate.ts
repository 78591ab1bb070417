import type { TenantId } from '../domain/ids.ts';
import { isTypical, type Judgement, judge, type KnownPicture, type PictureQuality } from '../domain/quality/judge.ts';
import type { PictureMeasures } from '../domain/quality/measures.ts';
import { changePolicy, type QualityPolicy } from '../domain/quality/policy.ts';
import { intentOf } from '../domain/quality/redraw-seed.ts';
import { learnSharpness, type SharpnessNormal } from '../domain/quality/sharpness-normal.ts';
import type { Claim } from './claim-jobs.ts';
import type { DrawnPicture } from './engine-port.ts';
import type { PictureHash, QualityReader, QualityTransaction } from './quality-ports.ts';

export interface QualityGatePorts {
  readonly reader: QualityReader;
  /** What holds for tenants without a policy of their own. */
  readonly installation: QualityPolicy;
  /** Latest pictures of the tenant among which near-duplicates are looked for. */
  readonly duplicateWindow: number;
}

/** What the gate says about one picture, and what is to be kept of it. */
export interface GateAnswer extends Judgement {
  readonly quality: PictureQuality;
  /** Writes what other pictures are compared with, in the transaction that ends the attempt with this picture. */
  keep(transaction: QualityTransaction): Promise<void>;
}

export interface QualityGate {
  /** Undefined for a picture that was not measured: nobody drew it. */
  judge(claim: Claim, picture: DrawnPicture): Promise<GateAnswer | undefined>;
}

/**
 * The gate that every picture passes before it counts. What it learns is kept by the store and, for pictures that are
 * drawn side by side, in memory.
 */
export function createQualityGate(ports: QualityGatePorts): QualityGate {
  const { reader, installation, duplicateWindow } = ports;
  let known: Promise<Map<string, SharpnessNormal>> | undefined;
  const readNormals = async (): Promise<Map<string, SharpnessNormal>> =>
    new Map((await reader.normals()).map((normal) => [keyOf(normal), normal]));
  const underWay = new LatestPictures(duplicateWindow);
  return {
    async judge({ job, generation }, { measures, width, height }) {
      if (measures === undefined) return undefined;
      const { tenantId } = job;
      const policy = changePolicy(installation, (await reader.policyOf(tenantId)) ?? {});
      const shape = { model: generation.model, pixels: width * height };
      const intent = intentOf({ prompt: generation.prompt, seed: job.seed });
      const hash: PictureHash = { jobId: job.id, tenantId, hash: measures.hash, intent };
      const latest = duplicateWindow === 0 ? [] : await reader.latestHashes({ tenantId, limit: duplicateWindow });
      known ??= readNormals();
      const normals = await known;
      // Nothing is awaited from here to the end: of two pictures that come at once, one sees the other.
      const others = [...latest, ...underWay.of(tenantId)].filter(({ jobId }) => jobId !== job.id);
      const normal = normals.get(keyOf(shape));
      const judgement = judge({ measures, policy, normal, redraws: job.triedSeeds.length, intent, others });
      if (judgement.action !== 'retry') underWay.add(hash);
      const learnt = isTypical(judgement.reasons) ? learn(normals, shape, measures) : undefined;
      return {
        ...judgement,
        quality: { verdict: verdictOf[judgement.action], reasons: judgement.reasons, measures },
        async keep(transaction) {
          await transaction.addHash(hash);
          if (learnt !== undefined) await transaction.saveNormal(learnt);
        },
      };
    },
  };
}

const verdictOf = { pass: 'passed', mark: 'marked', review: 'held', retry: 'rejected' } as const;

function keyOf({ model, pixels }: Pick<SharpnessNormal, 'model' | 'pixels'>): string {
  return `${pixels} ${model}`;
}

function learn(
  normals: Map<string, SharpnessNormal>,
  shape: Pick<SharpnessNormal, 'model' | 'pixels'>,
  { sharpness }: PictureMeasures,
): SharpnessNormal {
  const learnt = learnSharpness(normals.get(keyOf(shape)), shape, sharpness);
  normals.set(keyOf(shape), learnt);
  return learnt;
}

/** Pictures of this process that the store may not have yet, a bounded number of each tenant. */
class LatestPictures {
  readonly #limit: number;
  readonly #byTenant = new Map<TenantId, PictureHash[]>();

  constructor(window: number) {
    this.#limit = Math.min(window, MOST_UNDER_WAY);
  }

  add(picture: PictureHash): void {
    const pictures = this.#byTenant.get(picture.tenantId) ?? [];
    pictures.push(picture);
    if (pictures.length > this.#limit) pictures.shift();
    // Tenants in the order of their latest picture; those that are silent go first.
    this.#byTenant.delete(picture.tenantId);
    this.#byTenant.set(picture.tenantId, pictures);
    const [oldest] = this.#byTenant.keys();
    if (this.#byTenant.size > MOST_TENANTS && oldest !== undefined) this.#byTenant.delete(oldest);
  }

  of(tenantId: TenantId): readonly (KnownPicture & Pick<PictureHash, 'jobId'>)[] {
    return this.#byTenant.get(tenantId) ?? [];
  }
}

const MOST_UNDER_WAY = 64;
const MOST_TENANTS = 256;
