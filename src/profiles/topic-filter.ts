/** A topic filter of a profile, compiled. */
export interface TopicFilter {
  readonly text: string;
  matches(topic: string): boolean;
}
