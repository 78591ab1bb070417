import type { CancelGeneration } from '../../application/cancel-generation.ts';
import type { CancelJob } from '../../application/cancel-job.ts';
import type { ControlQueue, GetQueue } from '../../application/control-queue.ts';
import type { EngineStatus } from '../../application/engine-port.ts';
import type { GetAsset } from '../../application/get-asset.ts';
import type { GetGeneration } from '../../application/get-generation.ts';
import type { GetJob } from '../../application/get-job.ts';
import type { GetSystem } from '../../application/get-system.ts';
import type { ListDeadLetters } from '../../application/list-dead-letters.ts';
import type { ListGenerations } from '../../application/list-generations.ts';
import type { Clock, IdSource, Logger, ModelCatalog, PictureStore } from '../../application/ports.ts';
import type { ReadEvents } from '../../application/read-events.ts';
import type { RedriveJobs } from '../../application/redrive-jobs.ts';
import type { SetPriority } from '../../application/set-priority.ts';
import type { SubmitGeneration } from '../../application/submit-generation.ts';
import type { AuthenticationPorts } from './authentication.ts';
import type { StepOf } from './present.ts';
import type { LoraRoutePorts } from './routes/loras.ts';
import type { PictureRoutePorts } from './routes/pictures.ts';
import type { WebhookRoutePorts } from './routes/webhooks.ts';

/** What the routes call. */
export interface HttpPorts {
  readonly submitGeneration: SubmitGeneration;
  readonly getGeneration: GetGeneration;
  readonly listGenerations: ListGenerations;
  readonly cancelGeneration: CancelGeneration;
  readonly getJob: GetJob;
  readonly cancelJob: CancelJob;
  readonly setPriority: SetPriority;
  readonly getQueue: GetQueue;
  readonly controlQueue: ControlQueue;
  readonly listDeadLetters: ListDeadLetters;
  readonly redriveJobs: RedriveJobs;
  readonly getAsset: GetAsset;
  readonly getSystem: GetSystem;
  readonly readEvents: ReadEvents;
  readonly authentication: AuthenticationPorts;
  readonly stepOf: StepOf;
  readonly loraRoutes: LoraRoutePorts;
  readonly webhookRoutes: WebhookRoutePorts;
  readonly pictureRoutes: PictureRoutePorts;
  readonly pictures: PictureStore;
  readonly models: ModelCatalog;
  readonly engineStatus: () => readonly EngineStatus[];
  readonly ids: IdSource;
  readonly clock: Clock;
  readonly log: Logger;
}
