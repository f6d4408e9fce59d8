import { ALARM_SEVERITIES, type AlarmPropagation, type AlarmSeverity } from '../../../model/alarm.ts';
import type { JsonValue } from '../../../model/json.ts';
import type { Msg } from '../../../model/msg.ts';
import { flag, text, texts } from '../../../schema/fields.ts';
import { compileDetails, detailsFields, lintDetails, readDetails, writeDetails } from '../../alarm-details.ts';
import { alarmMsg } from '../../alarms/index.ts';
import { dataObject, defineNode, NodeFailure } from '../../node-kind.ts';
import { withoutSecrets } from '../../secrets.ts';
import { compileText, hasPlaceholder } from '../../template.ts';

/** What a message says about an alarm, or the config does. */
interface Wanted extends AlarmPropagation {
  readonly type: string;
  readonly severity: AlarmSeverity;
  readonly details?: JsonValue;
}

export const createAlarm = defineNode({
  kind: 'action/create-alarm',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.action.TbCreateAlarmNode',
    version: 0,
    read: readDetails,
    write: writeDetails,
  },
  version: 0,
  summary:
    "Raises an alarm on the message's originator, or updates the one of that type that is not cleared. The message goes on as ALARM with the alarm as its body.",
  since: '0.2.0',
  fields: {
    alarmType: text('Type of the alarm; ${key} is metadata, $[key] the body.', {
      default: 'General Alarm',
      minLength: 1,
    }),
    severity: text('CRITICAL, MAJOR, MINOR, WARNING or INDETERMINATE; a template with dynamicSeverity.', {
      default: 'CRITICAL',
    }),
    dynamicSeverity: flag('Whether severity is a template.', { default: false }),
    propagate: flag('Whether parents of the originator shall see it.', { default: false }),
    propagateToOwner: flag('Whether its customer shall see it.', { default: false }),
    propagateToTenant: flag('Whether the tenant shall see it.', { default: false }),
    relationTypes: texts('Relations to the parents that shall see it; none = all.', { default: [] }),
    useMessageAlarmData: flag('Whether the body is the alarm, with type, severity and details.', { default: false }),
    overwriteAlarmDetails: flag('Whether the script makes the details of such an alarm, too.', { default: false }),
    ...detailsFields,
  },
  relations: ['Created', 'Updated', 'False'],
  examples: [
    {
      title: 'A hot meter',
      config: {
        alarmType: 'High temperature',
        severity: 'MAJOR',
        alarmDetailsBuildJs: 'return { temperature: msg.temperature };',
      },
      msg: { data: { temperature: 91 } },
      goesTo: 'Created',
      metadata: { isNewAlarm: 'true' },
    },
    {
      title: 'A severity from the message',
      config: { severity: '$[level]', dynamicSeverity: true },
      msg: { data: { level: 'WARNING' } },
      goesTo: 'Created',
    },
    {
      title: 'A word that is no severity is a failure',
      config: { severity: '$[level]', dynamicSeverity: true },
      msg: { data: { level: 'urgent' } },
      goesTo: 'Failure',
    },
  ],
  *lint(config) {
    const { severity, dynamicSeverity } = config;
    if (!(dynamicSeverity && hasPlaceholder(severity)) && !isSeverity(severity)) {
      const hint = `one of ${ALARM_SEVERITIES.join(', ')}${dynamicSeverity ? ', or a template such as ${severity}' : ''}`;
      yield { at: '/severity', problem: 'is no severity', hint };
    }
    yield* lintDetails(config);
  },
  create(config, { chain, node }) {
    const typeOf = compileText(config.alarmType);
    const severityText = config.dynamicSeverity ? compileText(config.severity) : () => config.severity;
    const build = config.useMessageAlarmData && !config.overwriteAlarmDetails ? undefined : compileDetails(config);
    const { propagate, propagateToOwner, propagateToTenant, relationTypes } = config;
    const fromConfig = (msg: Msg): Wanted => ({
      type: typeOf(msg),
      severity: severityOf(severityText(msg)),
      propagate,
      propagateToOwner,
      propagateToTenant,
      propagateRelationTypes: relationTypes,
    });
    return {
      async onMsg(msg, context) {
        const { type, severity, details, ...propagation } = config.useMessageAlarmData
          ? fromBody(msg)
          : fromConfig(msg);
        const { originator } = msg;
        const active = build && (await context.activeAlarm(originator, type));
        const built = build ? build(msg, context.now(), active?.details) : details;
        const raised = await context.raiseAlarm(
          {
            originator,
            type,
            severity,
            startTs: startOf(msg),
            propagation,
            ...(built === undefined ? {} : { details: built }),
          },
          `chain:${chain}/${node}`,
        );
        const mark = raised.kind === 'outranked' ? 'updated' : raised.kind;
        return { relation: mark === 'created' ? 'Created' : 'Updated', msg: alarmMsg(msg, raised.alarm, mark) };
      },
    };
  },
});

const isSeverity = (text: unknown): text is AlarmSeverity => ALARM_SEVERITIES.some((one) => one === text);

function severityOf(text: unknown): AlarmSeverity {
  if (isSeverity(text)) return text;
  throw new NodeFailure(`the severity is none of ${ALARM_SEVERITIES.join(', ')}`);
}

/** The body as ThingsBoard's alarm. */
function fromBody(msg: Msg): Wanted {
  const body = withoutSecrets(dataObject(msg));
  const { type, details, propagateRelationTypes: relations } = body;
  if (typeof type !== 'string') throw new NodeFailure('the body is no alarm: it has no type');
  return {
    type,
    severity: severityOf(body.severity),
    propagate: body.propagate === true,
    propagateToOwner: body.propagateToOwner === true,
    propagateToTenant: body.propagateToTenant === true,
    propagateRelationTypes: Array.isArray(relations) ? relations.filter((one) => typeof one === 'string') : [],
    ...(details === undefined ? {} : { details }),
  };
}

/** The time of what the message tells of. */
function startOf({ metadata, ts }: Msg): number {
  const given = Number(metadata.ts);
  return metadata.ts !== undefined && Number.isSafeInteger(given) && given > 0 ? given : ts;
}
