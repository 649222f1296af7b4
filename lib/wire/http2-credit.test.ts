// A sender and a receiver joined by WINDOW_UPDATEs that are on their way as long as the model likes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReceiveCredit, SendCredit } from './http2-credit.ts';

const DEFAULT_BYTES = 65_535;
const LARGEST_BYTES = 2 ** 31 - 1;
const WINDOW = 1000;

/** Both ends of a connection, and what RFC 9113 5.2 says of them in plain numbers. */
class Model {
  readonly send = new SendCredit();
  readonly receive = new ReceiveCredit(WINDOW);
  connection = DEFAULT_BYTES;
  stream = DEFAULT_BYTES;
  initial = DEFAULT_BYTES;
  /** Came and not read. */
  held = 0;
  readonly underWay: { readonly connection: number; readonly stream: number; readonly of: number }[] = [];
  /** Which stream it is: an update of one before it says nothing. */
  streams = 0;
}

type Command = fc.Command<Model, Model>;

function command(
  name: string,
  run: (model: Model) => void,
  isPossible: (model: Model) => boolean = () => true,
): Command {
  return {
    check: (model) => isPossible(model),
    run(model) {
      run(model);
      expect(model.send.bytes).toBe(Math.max(0, Math.min(model.connection, model.stream)));
    },
    toString: () => name,
  };
}

const upTo = (most: number) => fc.integer({ min: 1, max: most });

/** Nobody has more than the receiver has given, at the start of it: the defaults are too much. */
function begin(): Model {
  const model = new Model();
  model.send.setInitial(WINDOW);
  model.stream = WINDOW;
  model.initial = WINDOW;
  model.send.spendElsewhere(DEFAULT_BYTES - WINDOW);
  model.connection = WINDOW;
  return model;
}

const commands = [
  upTo(2 * WINDOW).map((most) =>
    command(
      `send ${most}`,
      (model) => {
        const bytes = Math.min(most, model.send.bytes);
        model.send.spend(bytes);
        model.connection -= bytes;
        model.stream -= bytes;
        model.held += bytes;
        // Never more than it was let.
        expect(model.receive.came(bytes)).toBe(true);
      },
      (model) => model.send.bytes > 0,
    ),
  ),
  upTo(WINDOW).map((most) =>
    command(
      `read ${most}`,
      (model) => {
        const bytes = Math.min(most, model.held);
        model.held -= bytes;
        model.receive.read(bytes);
      },
      (model) => model.held > 0,
    ),
  ),
  fc.constant(
    command(
      'give back',
      (model) => {
        model.underWay.push({ ...model.receive.giveBack(), of: model.streams });
        expect(model.receive.isDue).toBe(false);
      },
      (model) => model.receive.isDue,
    ),
  ),
  fc.constant(
    command(
      'updated',
      (model) => {
        const update = model.underWay.shift()!;
        model.connection += update.connection;
        expect(model.send.widenConnection(update.connection)).toBe(true);
        if (update.of !== model.streams) return;
        model.stream += update.stream;
        expect(model.send.widenStream(update.stream)).toBe(true);
      },
      (model) => model.underWay.length > 0,
    ),
  ),
  fc.integer({ min: 0, max: WINDOW }).map((bytes) =>
    command(`initial window ${bytes}`, (model) => {
      model.stream += bytes - model.initial;
      model.initial = bytes;
      expect(model.send.setInitial(bytes)).toBe(true);
    }),
  ),
  fc.constant(
    command('another stream', (model) => {
      model.streams++;
      model.held = 0;
      model.stream = model.initial;
      model.send.restart();
      model.receive.restart();
    }),
  ),
];

describe('credit', () => {
  test('is never spent beyond what was given, and comes back whenever all is read', () => {
    fc.assert(
      fc.property(fc.commands(commands, { maxCommands: 200 }), (them) => {
        const model = begin();
        fc.modelRun(() => ({ model, real: model }), them);
        // Whatever has happened: who reads, gives back and widens the window again stalls nobody.
        model.send.setInitial(WINDOW);
        model.stream += WINDOW - model.initial;
        for (let sent = 0; sent < 5 * WINDOW; ) {
          model.receive.read(model.held);
          model.held = 0;
          if (model.receive.isDue) model.underWay.push({ ...model.receive.giveBack(), of: model.streams });
          for (const update of model.underWay.splice(0)) {
            model.send.widenConnection(update.connection);
            if (update.of === model.streams) model.send.widenStream(update.stream);
          }
          const bytes = model.send.bytes;
          expect(bytes).toBeGreaterThan(0);
          model.send.spend(bytes);
          expect(model.receive.came(bytes)).toBe(true);
          model.held = bytes;
          sent += bytes;
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('what may be sent', () => {
  test('is 65535 bytes before anything was said, less what went elsewhere', () => {
    const credit = new SendCredit();
    expect(credit.bytes).toBe(DEFAULT_BYTES);
    credit.spendElsewhere(35);
    expect(credit.bytes).toBe(DEFAULT_BYTES - 35);
    credit.restart();
    expect(credit.bytes).toBe(DEFAULT_BYTES - 35);
  });

  test('is nothing while a window is negative, and the debt is paid first', () => {
    const credit = new SendCredit();
    credit.spend(100);
    expect(credit.setInitial(40)).toBe(true);
    expect(credit.bytes).toBe(0);
    credit.widenStream(60);
    expect(credit.bytes).toBe(0);
    credit.widenStream(1);
    expect(credit.bytes).toBe(1);
    credit.restart();
    expect(credit.bytes).toBe(40);
  });

  test.each<[string, (credit: SendCredit) => boolean, (credit: SendCredit) => boolean]>([
    [
      'connection',
      (credit) => credit.widenConnection(LARGEST_BYTES - DEFAULT_BYTES),
      (credit) => credit.widenConnection(1),
    ],
    ['stream', (credit) => credit.widenStream(LARGEST_BYTES - DEFAULT_BYTES), (credit) => credit.widenStream(1)],
    ['first window', (credit) => credit.setInitial(LARGEST_BYTES), (credit) => credit.setInitial(LARGEST_BYTES + 1)],
    [
      'stream, widened by its first window',
      (credit) => credit.widenStream(LARGEST_BYTES - DEFAULT_BYTES),
      (credit) => credit.setInitial(DEFAULT_BYTES + 1),
    ],
  ])('%s: 2^31-1 is the most, and one more is said', (_, widen, more) => {
    const credit = new SendCredit();
    expect(widen(credit)).toBe(true);
    expect(more(credit)).toBe(false);
  });
});

describe('what may come', () => {
  test('is the window, and one byte more is said', () => {
    const credit = new ReceiveCredit(WINDOW);
    expect(credit.came(WINDOW)).toBe(true);
    credit.read(WINDOW);
    // Read is not given back.
    expect(credit.came(1)).toBe(false);
  });

  test('is given back in halves, to a stream that begins anew nothing of the one before', () => {
    const credit = new ReceiveCredit(WINDOW);
    credit.came(WINDOW);
    credit.read(WINDOW / 2 - 1);
    expect(credit.isDue).toBe(false);
    credit.read(1);
    expect(credit.isDue).toBe(true);
    expect(credit.giveBack()).toEqual({ connection: WINDOW / 2, stream: WINDOW / 2 });
    credit.restart();
    expect(credit.isDue).toBe(true);
    credit.came(WINDOW / 4);
    credit.read(WINDOW / 4);
    expect(credit.giveBack()).toEqual({ connection: (3 * WINDOW) / 4, stream: WINDOW / 4 });
    expect(credit.isDue).toBe(false);
    expect(credit.came(WINDOW)).toBe(true);
  });
});
