/**
 * What happened (`what`) and what the reader can do (`next`), for every error code of the API and for the faults that
 * only a page knows. A test holds the list against `errorCodes` of `@imagemill/api` and the engine's own codes.
 */
export const errorsEn = {
  file_not_found: { what: 'This file is not there any more.', next: 'Reload the page.' },
  file_in_use: { what: 'A batch needs this file.', next: 'Wait until the batch has ended.' },
  batch_not_found: { what: 'This batch is not there any more.', next: 'Reload the page.' },
  bulk_not_found: { what: 'This bulk is not there any more.', next: 'Reload the page.' },
  bulk_file_invalid: {
    what: 'The file cannot be read.',
    next: 'Choose CSV with a header, JSON lines or an .xlsx workbook: at least one row, and no column name twice.',
  },
  webhook_not_found: {
    what: 'This webhook is not there any more.',
    next: 'It may have been deleted. Reload the page.',
  },
  delivery_not_found: {
    what: 'This delivery is not there any more.',
    next: 'Old ones are forgotten. Reload the page.',
  },
  alert_not_found: { what: 'This alert is not there any more.', next: 'Load the page again.' },
  alert_rule_not_found: { what: 'This rule is not there any more.', next: 'Load the page again.' },
  alert_channel_not_found: {
    what: 'This channel is not there, or is made by the settings of the server.',
    next: 'Load the page again, or change the settings.',
  },
  alert_silence_not_found: { what: 'This silence is over.', next: 'Load the page again.' },
  alert_limit_reached: { what: 'There are as many of them as there may be.', next: 'Delete one first.' },
  webhook_limit_reached: { what: 'There are as many webhooks as there may be.', next: 'Delete one first.' },
  unreachable: {
    what: 'The server does not answer.',
    next: 'What you typed is kept. See that Imagemill is running, then try again.',
  },
  unexpected_answer: {
    what: 'The answer was not one of Imagemill’s.',
    next: 'Something between the page and the server may have stepped in. Reload the page, or ask who runs it.',
  },
  malformed_json: { what: 'The server could not read what the page sent.', next: 'Reload the page and try again.' },
  malformed_request: { what: 'The server could not read what the page sent.', next: 'Reload the page and try again.' },
  validation_failed: { what: 'Some settings do not fit.', next: 'Change what is named here and draw again.' },
  route_not_found: {
    what: 'This server does not know the page’s request.',
    next: 'Page and server may be of different versions. Reload the page.',
  },
  budget_exceeded: {
    what: 'The budget of this month is spent.',
    next: 'Ask an admin to raise it, or wait for the next month.',
  },
  picture_held: {
    what: 'This picture waits for a review.',
    next: 'Somebody who may review decides on the review page.',
  },
  picture_redrawn: { what: 'The picture failed a check.', next: 'It is drawn once more with another seed.' },
  review_not_found: { what: 'There is nothing to decide about this picture.', next: 'Reload the page.' },
  review_decided: { what: 'Somebody has decided about this picture already.', next: 'Reload the page.' },
  generation_not_found: {
    what: 'This generation is no longer there.',
    next: 'It may have been deleted. Reload the page.',
  },
  job_not_found: { what: 'This picture is no longer there.', next: 'It may have been deleted. Reload the page.' },
  asset_not_found: {
    what: 'The file of this picture is no longer there.',
    next: 'Reuse its settings to draw it again.',
  },
  asset_link_invalid: { what: 'This address of a picture is not valid.', next: 'Reload the page.' },
  asset_link_expired: { what: 'This address of a picture has expired.', next: 'Reload the page.' },
  lora_not_found: { what: 'This LoRA is no longer there.', next: 'It may have been removed. Reload the page.' },
  lora_rejected: {
    what: 'The file is no LoRA that can be drawn with.',
    next: 'Choose a LoRA for Z-Image in the safetensors format.',
  },
  lora_exists: {
    what: 'There is another LoRA of this name.',
    next: 'Give the file another name, or delete the other one first.',
  },
  lora_protected: {
    what: 'This LoRA belongs to the installation.',
    next: 'Whoever runs the server can remove its file.',
  },
  lora_unavailable: {
    what: 'The LoRA cannot be fetched right now.',
    next: 'Try again in a moment. If it stays so, delete the LoRA and upload it again.',
  },
  lora_gone: {
    what: 'A LoRA was removed before the picture was drawn.',
    next: 'Choose the LoRAs again and draw once more.',
  },
  lora_invalid: { what: 'A LoRA file is damaged.', next: 'Have it exported again, or draw without it.' },
  lora_incompatible: { what: 'A LoRA does not fit the model.', next: 'Choose one that was made for this model.' },
  lora_too_large: { what: 'A LoRA takes too much memory.', next: 'Use one of a lower rank.' },
  picture_rejected: {
    what: 'The file is no picture that can be drawn from.',
    next: 'Save it again as PNG, JPEG or WebP, smaller if it is large.',
  },
  source_invalid: { what: 'The picture to start from is damaged.', next: 'Upload it again and draw again.' },
  source_gone: { what: 'The picture to start from is no longer there.', next: 'Upload it again and draw again.' },
  upload_too_large: { what: 'The file is too large.', next: 'Choose a smaller file.' },
  method_not_allowed: {
    what: 'This server does not know the page’s request.',
    next: 'Page and server may be of different versions. Reload the page.',
  },
  request_timeout: { what: 'The request came too slowly.', next: 'Check the connection, then try again.' },
  already_final: { what: 'It has ended already.', next: 'There is nothing left to cancel.' },
  not_redrivable: { what: 'This picture cannot be tried again.', next: 'Ask for a new one.' },
  idempotency_key_reused: { what: 'The same request was sent before with other settings.', next: 'Send it again.' },
  body_too_large: { what: 'That is more text than the server takes.', next: 'Shorten the prompt.' },
  unsupported_media_type: {
    what: 'The server could not read what the page sent.',
    next: 'Reload the page and try again.',
  },
  range_not_satisfiable: { what: 'That part of the picture does not exist.', next: 'Download the picture again.' },
  host_not_allowed: {
    what: 'The server does not answer under this address.',
    next: 'Open the page as http://127.0.0.1 or http://localhost with the same port.',
  },
  headers_too_large: {
    what: 'The browser sent too much along.',
    next: 'Delete the cookies of this page, then try again.',
  },
  internal_error: {
    what: 'The server made a mistake.',
    next: 'Try again. If it happens again, report it with the reference.',
  },
  unauthorized: { what: 'You are not signed in.', next: 'Sign in with an API key that is valid.' },
  forbidden: { what: 'You may not do this.', next: 'Ask an admin, or sign in with a key that may.' },
  cross_origin_refused: {
    what: 'The request came from a page of another site.',
    next: 'Open the page of this server itself.',
  },
  tenant_disabled: { what: 'Your tenant is disabled.', next: 'Ask the admin of this installation.' },
  tenant_not_found: { what: 'There is no such tenant.', next: 'Check the name.' },
  key_not_found: { what: 'There is no such key.', next: 'Reload the page.' },
  member_not_found: { what: 'There is no such member.', next: 'Reload the page.' },
  key_not_active: { what: 'The key is not active.', next: 'Make a new one.' },
  tenant_exists: { what: 'This tenant exists already.', next: 'Choose another name.' },
  tenant_in_use: {
    what: 'Only a disabled tenant that never drew anything can be deleted.',
    next: 'Leave it disabled: nobody of it gets in, and its pictures stay.',
  },
  tenant_protected: { what: 'This tenant cannot be disabled.', next: 'Revoke its keys instead.' },
  member_exists: { what: 'This member exists already.', next: 'Change the member that is there.' },
  rate_limited: { what: 'There were too many requests.', next: 'Wait a moment, then try again.' },
  quota_exceeded: {
    what: 'A quota is used up.',
    next: 'Ask for fewer pictures, wait until it starts anew, or ask an admin for more.',
  },
  engine_unavailable: {
    what: 'The engine is not ready.',
    next: 'It is starting or being restarted. What was accepted waits and is drawn by itself.',
  },
  shutting_down: {
    what: 'The server is being stopped.',
    next: 'What was accepted is kept and goes on at the next start. Try again then.',
  },
  disk_full: {
    what: 'The server’s disk is full.',
    next: 'Free some space there, then try again. What was accepted before waits and goes on by itself.',
  },
  storage_failed: {
    what: 'The server could not read or write its data folder.',
    next: 'Have the disk and the rights of the folder checked, then try again.',
  },
  carrier_unavailable: {
    what: 'The server cannot reach Redis.',
    next: 'Nothing is to be sent again. Jobs wait in the database.',
  },
  site_fenced: {
    what: 'This site has handed its records over to another one.',
    next: 'Use the address that both share. What was accepted is kept.',
  },
  database_unavailable: {
    what: 'The server cannot reach its database.',
    next: 'Try again in a moment. What was accepted is kept.',
  },
  storage_unreachable: {
    what: 'The server cannot reach the service that keeps its pictures.',
    next: 'Have that service checked. What was accepted waits and goes on by itself.',
  },
  storage_bucket_missing: {
    what: 'The place where the server keeps its pictures is missing.',
    next: 'Have the bucket created or its setting corrected, then try again.',
  },
  storage_access_denied: {
    what: 'The service that keeps the pictures refuses the server’s key.',
    next: 'Have the key and its rights checked, then try again.',
  },
  storage_clock_wrong: {
    what: 'The clocks of the server and of the service that keeps its pictures differ.',
    next: 'Have both clocks set, then try again.',
  },
  engine_crashed: {
    what: 'The engine broke down while drawing.',
    next: 'It was restarted. Try fewer or smaller pictures if it happens again.',
  },
  engine_answer_invalid: { what: 'The engine’s answer was damaged.', next: 'It was restarted. Draw again.' },
  engine_stuck: { what: 'The engine stopped answering.', next: 'It was restarted. Draw again.' },
  engine_unreachable: {
    what: 'The engine on another machine cannot be reached.',
    next: 'Have it checked. What was accepted waits and goes on by itself.',
  },
  engine_overloaded: {
    what: 'The engine on another machine has too much to do.',
    next: 'It is tried again. Draw fewer pictures at once if it repeats.',
  },
  engine_refused: {
    what: 'The engine on another machine refused this picture.',
    next: 'Change what the message names and draw again.',
  },
  engine_unsupported: {
    what: 'The engine on another machine cannot do this.',
    next: 'Draw without LoRAs and without a source picture.',
  },
  out_of_memory: {
    what: 'The device has too little memory for this picture.',
    next: 'Draw it smaller or without LoRAs, or ask who runs the server to free memory.',
  },
  picture_invalid: {
    what: 'The picture came out without numbers and was thrown away.',
    next: 'Try again. If it repeats, choose another precision of the model.',
  },
  device_failed: {
    what: 'The device failed while it drew.',
    next: 'Try again. If it repeats, ask who runs the server to look at the device.',
  },
  device_unavailable: {
    what: 'The device cannot be used.',
    next: 'Ask who runs the server to look at its device and its log.',
  },
  model_too_large: {
    what: 'The model does not fit into the memory of the device.',
    next: 'Choose a smaller precision of the model.',
  },
  prompt_too_long: { what: 'The prompt is too long for the model.', next: 'Shorten it and draw again.' },
  engine_fault: {
    what: 'The engine could not draw this picture.',
    next: 'Change the size or the settings and draw again.',
  },
  model_unusable: {
    what: 'The model cannot be loaded.',
    next: 'A file of it is missing or damaged. Choose another model, or have it verified.',
  },
  model_not_found: { what: 'There is no such model.', next: 'Reload the page and choose another one.' },
  model_busy: { what: 'The model is being pulled or checked.', next: 'Wait until that is done.' },
  model_activity_not_found: { what: 'This pull or check is not remembered any more.', next: 'Reload the page.' },
  model_in_use: { what: 'The model is drawing right now.', next: 'Unload it when its pictures are done.' },
  model_gone: { what: 'The model is no longer on this server.', next: 'Choose another one and draw again.' },
  lease_expired: { what: 'The worker went away several times.', next: 'Draw again.' },
} as const;
