// A call of this browser with itself, through a TURN server and nothing else:
// two ends that may use relay candidates only, and a data channel between
// them. No DOM here: what happens is told to `report`, an object with
// candidate(c), problem(p), step(name, text).

const GATHER_MS = 10000;
const CONNECT_MS = 10000;
const SILENCE_MS = 5000;
const CHUNK = 16384;
const HIGH_WATER = 1 << 18;
const ROUND_TRIPS = 9;
const ROUND_TRIPS_MS = 2000;
const ALL_BYTES = 32 << 20;
const ALL_MS = 3000;

// What a credential of few packets is spent on: connecting takes 25 where the
// server is near, 60 where a round trip takes 600 ms; a round trip 2, or 4
// where it is slow; 1,000 bytes 1.6 with their acknowledgements.
const USED_TO_CONNECT = 60;
const PACKETS_OF_ROUND_TRIP = 4;
const PACKETS_SPARE = 14;
const BYTES_OF_PACKET = 600;
const FEW_BYTES = 16384;
const COUNTERS = ['packetsSent', 'packetsReceived', 'requestsSent',
  'requestsReceived', 'responsesSent', 'responsesReceived'];

// What the errors of a TURN server mean to who runs it (RFC 8656, 8489).
const CODES = {
  300: ['The server sends its clients to another one',
    'It drains, or its alternates are in use; test the other server.'],
  400: ['The server could not read the request',
    'Something between may change packets; capture them at both ends.'],
  401: ['The server does not accept this user and password',
    'The user is unknown here, the password is wrong, or the credential has '
    + 'expired. The refusals on this page say which.'],
  403: ['The server forbids it',
    'The peer rules deny the address. The refusals on this page say which '
    + 'rule.'],
  420: ['The server does not know an attribute that this browser needs',
    'Another server may answer at this address.'],
  437: ['The allocation of an earlier test still stands',
    'Wait a minute and test again.'],
  438: ['The server calls a fresh nonce stale',
    'Several servers at one address must share nonce.key; clocks may differ.'],
  440: ['The server does not relay this address family',
    'This server relays IPv4.'],
  441: ['The credentials are not those of the allocation',
    'Several servers may answer at one address.'],
  442: ['The server does not relay by this transport', 'It relays UDP.'],
  486: ['The user has all the allocations it may have',
    'See limits.allocations_per_user, or the user’s own limit; calls that '
    + 'broke off count until they expire.'],
  500: ['The server could not ask where its users are kept',
    'See its log, and Redis under Health.'],
  508: ['The server has no room for another allocation',
    'It drains, or its ports or limits.allocations are used up.'],
};

const hostOf = (url) => url.replace(/^turns?:/, '').replace(/\?.*/, '');
const overTls = (url) => url.startsWith('turns:');
const transportOf = (url) => /transport=(\w+)/.exec(url)?.[1]
  ?? (overTls(url) ? 'tcp' : 'udp');

function portOf(url) {
  const [, port] = /:(\d+)$/.exec(hostOf(url)) ?? [];
  return port ?? (overTls(url) ? '5349' : '3478');
}

const silent = (url) => {
  const transport = transportOf(url).toUpperCase();
  return {
    text: `Nothing answers this browser at ${hostOf(url)} by ${transport}`,
    remedy: `${transport} port ${portOf(url)} does not reach the server from `
      + 'here: check the address, the firewall, and on Azure the network '
      + 'security group.',
  };
};

// { code, text, remedy } of an icecandidateerror event.
export function explain({ errorCode, errorText, url }, tried) {
  const [text, remedy] = CODES[errorCode] ?? [];
  if (text)
    return { code: errorCode, text, remedy };
  if (errorCode === 701 && /lookup|resolve/i.test(errorText ?? ''))
    return {
      code: 701,
      text: `The name in ${hostOf(tried)} has no address`,
      remedy: 'Check its spelling and its DNS entry.',
    };
  if (errorCode === 701)
    return { code: 701, ...silent(url || tried) };
  return {
    code: errorCode,
    text: errorText || `The server answered ${errorCode}`,
    remedy: 'The server’s log and the refusals on this page say more.',
  };
}

export class TestError extends Error {
  constructor({ code, text, remedy }) {
    super(text);
    this.code = code;
    this.remedy = remedy;
  }
}

const STOPPED = {
  text: 'The connection stopped carrying packets',
  remedy: 'If other calls stop, too, the drops on this page say why.',
};

const after = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

// The value of `promise`, or an error if that takes longer.
function within(ms, promise, error) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(error()), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const happens = (target, name) => new Promise((resolve) => {
  target.addEventListener(name, resolve, { once: true });
});

const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1];
};

class Call {
  constructor(server, report) {
    this.url = server.urls;
    this.report = report;
    this.problems = [];
    const configuration = { iceServers: [server], iceTransportPolicy: 'relay' };
    this.ends = [0, 1].map(() => new RTCPeerConnection(configuration));
    this.relayed = this.ends.map((end, n) => this.watch(end, n));
    // Agreed upon beforehand, so that no packet is spent on it.
    this.channels = this.ends.map((end) => {
      const channel = end.createDataChannel('test',
        { negotiated: true, id: 0 });
      channel.binaryType = 'arraybuffer';
      channel.bufferedAmountLowThreshold = HIGH_WATER / 2;
      return channel;
    });
  }

  // Passes candidates on; resolves at the end's first relay candidate, with
  // the milliseconds it took, or to undefined if there is none.
  watch(end, n) {
    return new Promise((resolve) => {
      end.onicecandidate = ({ candidate }) => {
        if (!candidate?.candidate) {
          if (!candidate)
            resolve();
          return;
        }
        const ms = performance.now() - this.start;
        this.report.candidate({ ms, end: n + 1, candidate, url: this.url });
        if (candidate.type === 'relay')
          resolve(ms);
        this.ends[1 - n].addIceCandidate(candidate).catch(() => {});
      };
      end.onicecandidateerror = (event) => {
        const problem = explain(event, this.url);
        this.problems.push(problem);
        if (n === 0)
          this.report.problem({ ...problem, url: this.url });
      };
    });
  }

  noRelay() {
    const answered = this.problems.find(({ code }) => code !== 701);
    return new TestError(answered ?? this.problems[0] ?? silent(this.url));
  }

  async gather() {
    const [one, two] = this.ends;
    this.start = performance.now();
    await one.setLocalDescription();
    await two.setRemoteDescription(one.localDescription);
    await two.setLocalDescription();
    await one.setRemoteDescription(two.localDescription);
    const [ms, other] = await within(GATHER_MS, Promise.all(this.relayed),
      () => this.noRelay());
    if (ms === undefined || other === undefined)
      throw this.noRelay();
    return ms;
  }

  async connect() {
    const start = performance.now();
    const [one, two] = this.channels;
    const opened = Promise.all([one, two].map((channel) =>
      channel.readyState === 'open' || happens(channel, 'open')));
    const failed = new Promise((resolve, reject) => {
      this.ends[0].oniceconnectionstatechange = () => {
        if (this.ends[0].iceConnectionState === 'failed')
          reject(this.notConnected());
      };
    });
    await within(CONNECT_MS, Promise.race([opened, failed]),
      () => this.notConnected());
    return performance.now() - start;
  }

  notConnected() {
    return new TestError({
      text: 'The server gave relay addresses, but no packet goes from one to '
        + 'the other',
      remedy: 'relay.advertise must be the address of this server alone. See '
        + 'the refusals and the drops on this page.',
    });
  }

  // How many more packets the server will relay for this credential: it
  // counts all there are, those of ICE itself, too.
  async packetsLeft(budget) {
    if (!budget)
      return Infinity;
    const stats = [...(await this.ends[0].getStats()).values()];
    const used = stats.filter(({ type }) => type === 'candidate-pair')
      .flatMap((pair) => COUNTERS.map((name) => pair[name] ?? 0))
      .reduce((sum, n) => sum + n, 0);
    return budget - (used || USED_TO_CONNECT);
  }

  // Milliseconds of each of at most `count` round trips.
  async roundTrips(count) {
    const [one, two] = this.channels;
    two.onmessage = ({ data }) => two.send(data);
    const times = [];
    const until = performance.now() + ROUND_TRIPS_MS;
    while (times.length < count && performance.now() < until) {
      const start = performance.now();
      const back = happens(one, 'message');
      one.send('ping');
      await within(SILENCE_MS, back, () => new TestError(STOPPED));
      times.push(performance.now() - start);
    }
    return times;
  }

  // Sends so many bytes, for at most so long; resolves to what arrived, and in
  // how many seconds.
  async throughput(bytes, ms) {
    const [one, two] = this.channels;
    const chunk = new Uint8Array(Math.min(CHUNK, bytes));
    const start = performance.now();
    let end = start;
    let sent = 0;
    let got = 0;
    let arrived;
    const all = new Promise((resolve) => { arrived = resolve; });
    two.onmessage = ({ data }) => {
      got += data.byteLength;
      end = performance.now();
      if (got >= bytes)
        arrived();
    };
    const spent = after(ms);
    const over = () => performance.now() - start >= ms;
    while (sent < bytes && !over()) {
      if (one.bufferedAmount > HIGH_WATER)
        await Promise.race([happens(one, 'bufferedamountlow'), spent]);
      one.send(chunk);
      sent += chunk.byteLength;
    }
    await Promise.race([all, spent]);
    if (got === 0)
      throw new TestError(STOPPED);
    return { bytes: got, seconds: (end - start) / 1000 };
  }

  // Whether both ends really talk by relay addresses.
  async path() {
    for (const end of this.ends) {
      const stats = [...(await end.getStats()).values()];
      const pair = stats.find((entry) => entry.type === 'candidate-pair'
        && entry.state === 'succeeded' && entry.nominated);
      const local = stats.find(({ id }) => id === pair?.localCandidateId);
      if (local && local.candidateType !== 'relay')
        throw new TestError({
          text: `The ends talk by a ${local.candidateType} candidate`,
          remedy: 'This browser does not keep to relay candidates.',
        });
    }
  }

  close() {
    this.ends.forEach((end) => end.close());
  }
}

const roundTripsFor = (left) => Math.max(1, Math.min(ROUND_TRIPS,
  Math.floor((left - PACKETS_SPARE) / PACKETS_OF_ROUND_TRIP)));

const bytesFor = (left) => (left === Infinity ? ALL_BYTES
  : Math.min(FEW_BYTES, (left - PACKETS_SPARE) * BYTES_OF_PACKET));

// Runs the whole test against one server, { urls, username, credential }, for
// which the server relays at most `packets`, or any number if that is 0.
// Resolves to { candidateMs, connectMs, roundTripMs: { median, min, max,
// count }, bytes, bitsPerS }; bytes is 0 where too few packets were left.
export async function testServer(server, packets, report) {
  const call = new Call(server, report);
  try {
    report.step('gather');
    const candidateMs = await call.gather();
    report.step('connect');
    const connectMs = await call.connect();
    await call.path();
    report.step('round trip');
    const times = await call.roundTrips(
      roundTripsFor(await call.packetsLeft(packets)));
    report.step('throughput');
    const bytes = bytesFor(await call.packetsLeft(packets));
    const sent = bytes > 0 ? await call.throughput(bytes, ALL_MS)
      : { bytes: 0, seconds: 1 };
    return {
      candidateMs,
      connectMs,
      roundTripMs: {
        median: median(times), min: Math.min(...times),
        max: Math.max(...times), count: times.length,
      },
      bytes: sent.bytes,
      bitsPerS: sent.bytes * 8 / sent.seconds,
    };
  } finally {
    call.close();
  }
}
