/** MQTT 5 properties that go through to subscribers. */
export interface PublicationProperties {
  readonly payloadFormatIndicator?: boolean;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Buffer;
  readonly userProperties?: Readonly<Record<string, string | string[]>>;
}

/** A message for app clients. */
export interface Publication {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1;
  readonly retain: boolean;
  /** Wall time, ms, from when on nobody wants it. */
  readonly expiresAt?: number;
  /** The client that published it; absent for chains. */
  readonly clientId?: string;
  readonly properties?: PublicationProperties;
}
