import type { Model } from '../contracts/model.ts';
import type { ModelActivity, ModelActivityList, PullModelRequest } from '../contracts/model-activity.ts';
import type { HistoryQuery, SystemHistory, WorkerList } from '../contracts/operation.ts';
import type { SettingList } from '../contracts/settings.ts';
import { type Call, queryString } from './administration.ts';
import type { CallOptions } from './client.ts';

/** Models on the disk of the server, and its settings. */
export interface OperationClient {
  /** Orders a model, `demo` or `demo:w8a8`, into the memory of the engine; the answer may still say `loading`. */
  loadModel(name: string, options?: CallOptions): Promise<Model>;
  /** Takes a model out of the memory of the engine; refused while it is drawing. */
  unloadModel(name: string, options?: CallOptions): Promise<Model>;
  /** Pulls and checks of models since the start of the server, newest first. */
  listModelActivities(options?: CallOptions): Promise<ModelActivityList>;
  /** Orders a model from a hub onto the disk of the server. */
  pullModel(request: PullModelRequest, options?: CallOptions): Promise<ModelActivity>;
  /** Orders a check of a model's files. */
  verifyModel(name: string, options?: CallOptions): Promise<ModelActivity>;
  cancelModelActivity(id: string, options?: CallOptions): Promise<ModelActivity>;
  /** Who draws, and where. */
  listWorkers(options?: CallOptions): Promise<WorkerList>;
  /** How the installation was doing in its last hours. */
  getSystemHistory(query?: Partial<HistoryQuery>, options?: CallOptions): Promise<SystemHistory>;
  /** Settings of the server as they hold, without secrets. */
  listSettings(options?: CallOptions): Promise<SettingList>;
}

export function createOperationClient(call: Call): OperationClient {
  return {
    loadModel: (name, o = {}) => call('POST', `/v1/models/${encodeURIComponent(name)}/load`, o),
    unloadModel: (name, o = {}) => call('POST', `/v1/models/${encodeURIComponent(name)}/unload`, o),
    listModelActivities: (o = {}) => call('GET', '/v1/model-activities', o),
    pullModel: (body, o = {}) => call('POST', '/v1/model-activities/pull', { ...o, body }),
    verifyModel: (name, o = {}) => call('POST', `/v1/models/${encodeURIComponent(name)}/verify`, o),
    cancelModelActivity: (id, o = {}) => call('POST', `/v1/model-activities/${encodeURIComponent(id)}/cancel`, o),
    listWorkers: (o = {}) => call('GET', '/v1/workers', o),
    getSystemHistory: (query = {}, o = {}) => call('GET', `/v1/system/history${queryString(query)}`, o),
    listSettings: (o = {}) => call('GET', '/v1/settings', o),
  };
}
