// What happens, as it happens: a WebSocket that comes back when it was lost.
import { accessToken, config, refresh } from './session.js';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

// `onEvent` gets {type, source, at, detail}; `onState` gets true while the connection stands.
export function listen(onEvent, onState) {
  let pause = FIRST_PAUSE_MS;
  function connect() {
    const socket = new WebSocket(`${config.live}?token=${encodeURIComponent(accessToken())}`);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      pause = FIRST_PAUSE_MS;
      onState(true);
    };
    socket.onmessage = (message) => onEvent(JSON.parse(message.data));
    socket.onclose = async () => {
      onState(false);
      if (!opened) await refresh(); // a token that has expired is the usual reason
      setTimeout(connect, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    };
  }
  connect();
}
