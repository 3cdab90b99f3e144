/**
 * The endpoint's success response.
 *
 * @module
 */
import { type HttpResponse, httpResponse } from '../response.ts';

/** @param body JSON, as vending made it */
export function credentialsResponse(body: string): HttpResponse {
  return httpResponse(200, 'application/json', body);
}
