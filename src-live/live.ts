import type { LiveFleet } from '../dist/server/live-fleet.js';
import type { LiveGreeting, LiveSample } from '../dist/server/live-sample.js';
import { byId, write } from './dom.js';
import { ExtractForm } from './extract-form.js';
import { Feed } from './feed.js';
import { Fleet } from './fleet.js';
import { duration } from './format.js';
import { Panels } from './panels.js';
import { Rates } from './rates.js';

const state = byId('state');

/** A live region: what does not change is not written again. */
function tell(name: 'ready' | 'unready' | 'lost' | 'paused', text: string): void {
  state.dataset.state = name;
  write(state, text);
}

const form = new ExtractForm();
const fleet = new Fleet();
const rates = new Rates();
const panels = new Panels(byId('charts'));

const feed = new Feed(
  'live/events',
  {
    greeting: (data) => {
      const { version, fetch, maxBodyBytes } = data as LiveGreeting;
      rates.reset();
      write(byId('version'), version);
      form.explain(fetch, maxBodyBytes);
    },
    sample: (data) => {
      const sample = data as LiveSample;
      rates.push(sample);
      panels.push(sample, rates);
      const { status, reasons } = sample.ready;
      if (status === 'ready') tell('ready', 'Takes pages');
      else tell('unready', `Takes no pages: ${reasons.map(({ message }) => message).join('; ')}`);
      state.title = `up for ${duration(sample.uptimeSeconds)}`;
    },
    fleet: (data) => fleet.show(data as LiveFleet),
  },
  () => tell('lost', 'The server does not answer; trying again'),
);

const pause = byId<HTMLButtonElement>('pause');
pause.addEventListener('click', () => {
  feed.paused = !feed.paused;
  write(pause, feed.paused ? 'Resume' : 'Pause');
  if (feed.paused) tell('paused', 'Paused');
});
