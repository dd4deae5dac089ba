import { choice, flag, integer, integerChoice, lenientFields, list, once, optional, text } from '../schema.ts';
import { COUNT, conditionsField, messageField, nameField, timeField } from '../status-fields.ts';

/** Longest lists and texts of a report. The API server also limits the whole object, to 1.5 MiB. */
export const REPORT_LIMITS = {
  resources: 16384,
  problems: 4096,
  drift: 4096,
  links: 512,
  gateways: 64,
  text: 1024,
} as const;

const line = (about: string) => text({ about }, { max: REPORT_LIMITS.text });

const resource = () =>
  lenientFields(
    { about: 'One resource that selects this node.' },
    {
      kind: nameField('Its kind.'),
      namespace: optional(nameField('Its namespace, for kinds that live in one.')),
      name: nameField('Its name.'),
      uid: optional(text({ about: 'Its uid; absent without Kubernetes.' }, { max: 128 })),
      observedGeneration: optional(integer({ about: 'The generation that this is about; absent without Kubernetes.' }, COUNT)),
      ready: flag({ about: 'Whether everything it asks of this node is in the kernel.' }),
      reason: text({ about: 'Ready, or one of the problem codes.' }, { min: 1, max: 128 }),
      message: messageField('What is in place, or what is wrong and how to mend it.'),
      gateway: optional(line('The gateways in use.')),
      device: optional(line('The devices in use.')),
      routes: optional(integer({ about: 'How many routes of it are in the kernel.' }, COUNT)),
    },
  );

const problem = () =>
  lenientFields(
    { about: 'One thing that could not be read.' },
    {
      source: line('Where: a file, or the name of an object.'),
      line: optional(integer({ about: 'The line in that file.' }, COUNT)),
      message: messageField('What is wrong and how to mend it.'),
    },
  );

const drift = () =>
  lenientFields(
    { about: 'One object of ours that was changed from outside.' },
    {
      object: line('The route, link, table or sysctl.'),
      event: choice({ about: 'What happened to it.' }, [
        'RouteDeleted',
        'RouteReplaced',
        'RouteChanged',
        'LinkDown',
        'RouteVanished',
        'TableFlushed',
        'SysctlChanged',
        'LinkDeleted',
        'LinkChanged',
        'AddressDeleted',
        'AddressChanged',
      ]),
      cause: line('The same in words, on one line.'),
      process: optional(line('Who did it, where that can be known.')),
      count: integer({ about: 'How often.' }, COUNT),
      lastTime: timeField('When it happened last.'),
      restoredMicros: optional(
        integer({ about: 'Microseconds from the notification of the kernel until it was restored, the last time.' }, COUNT),
      ),
    },
  );

const link = () =>
  lenientFields(
    { about: 'One device.' },
    {
      name: text({ about: 'Its name.' }, { max: 15 }),
      up: flag({ about: 'Whether it is up and has a carrier.' }),
      mtu: integer({ about: 'Its MTU in bytes.' }, COUNT),
      rpFilter: integer({ about: 'Its rp_filter: 0 off, 1 strict, 2 loose; the larger of it and rpFilterAll counts.' }, COUNT),
    },
  );

const gateway = () =>
  lenientFields(
    { about: 'One gateway that our routes use.' },
    {
      family: integerChoice({ about: 'Its address family.' }, [4, 6]),
      address: text({ about: 'Its address.' }, { max: 45 }),
      device: text({ about: 'The device it is reached through.' }, { max: 15 }),
    },
  );

const facts = () =>
  lenientFields(
    { about: 'What the plan rests on.' },
    {
      kernel: line('Release of the kernel.'),
      links: list({ about: 'Devices that the plan uses.' }, link(), { max: REPORT_LIMITS.links }),
      gateways: list({ about: 'Gateways that the plan uses.' }, gateway(), { max: REPORT_LIMITS.gateways }),
      rpFilterAll: integer({ about: 'net.ipv4.conf.all.rp_filter.' }, COUNT),
    },
  );

const summary = () =>
  lenientFields(
    { about: 'Counts for `kubectl get`.' },
    {
      ready: text({ about: 'Resources in place, of those that select this node: 3/4.' }, { max: 32 }),
      problems: integer({ about: 'Entries of problems.' }, COUNT),
      drift: integer({ about: 'Entries of drift.' }, COUNT),
    },
  );

export const nodeReportStatus = once(() =>
  lenientFields(
    { about: 'What the agent found and did.' },
    {
      summary: summary(),
      resources: list({ about: 'Every resource that selects this node.' }, resource(), { max: REPORT_LIMITS.resources }),
      problems: list({ about: 'What could not be read.' }, problem(), { max: REPORT_LIMITS.problems }),
      drift: list({ about: 'What was changed from outside, and restored.' }, drift(), { max: REPORT_LIMITS.drift }),
      facts: facts(),
      lastSync: timeField('When the agent last compared the kernel with its plan.'),
      resourcesAsOf: optional(timeField('When the resources were last read in full; they are that old while their source is away.')),
      complete: flag({ about: 'Whether every source has delivered everything. Until then nothing is removed.' }),
      incompleteReason: optional(messageField('Why not.')),
      conditions: conditionsField('Ready, and Degraded with a reason.'),
    },
  ),
);
