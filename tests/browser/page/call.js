// Two RTCPeerConnections that may use nothing but a TURN server, and call each
// other. The test drives it through window.call.

const CHUNK = 16 * 1024;
const HIGH_WATER = 1024 * 1024;

const hex = (buffer) => Array.from(new Uint8Array(buffer),
  (byte) => byte.toString(16).padStart(2, '0')).join('');

const digest = async (bytes) => hex(
  await crypto.subtle.digest('SHA-256', bytes));

function randomBytes(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536)
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65536, size)));
  return bytes;
}

// Resolves at the first event of that name; rejects after a while.
function happens(target, name, seconds = 15) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`no ${name} within ${seconds} s`)),
      seconds * 1000);
    target.addEventListener(name, (event) => {
      clearTimeout(timer);
      resolve(event);
    }, { once: true });
  });
}

class Call {
  constructor(iceServer) {
    const configuration = {
      iceServers: [iceServer], iceTransportPolicy: 'relay',
    };
    this.errors = [];
    this.ends = [0, 1].map(() => new RTCPeerConnection(configuration));
    this.ends.forEach((end, n) => {
      end.onicecandidate = ({ candidate }) => {
        if (candidate) this.ends[1 - n].addIceCandidate(candidate);
      };
      end.onicecandidateerror = (e) => this.errors.push(
        `${e.errorCode} ${e.errorText}`);
      end.ontrack = ({ streams }) => {
        document.getElementById(n ? 'two' : 'one').srcObject = streams[0];
      };
    });
    // Negotiated on both sides, so that neither waits for the other's event.
    this.channels = this.ends.map((end) => {
      const channel = end.createDataChannel('data',
        { negotiated: true, id: 0 });
      channel.binaryType = 'arraybuffer';
      channel.bufferedAmountLowThreshold = HIGH_WATER / 2;
      return channel;
    });
  }

  // Camera and microphone in both directions.
  async addMedia() {
    const media = await navigator.mediaDevices.getUserMedia(
      { audio: true, video: { width: 640, height: 480 } });
    for (const end of this.ends)
      for (const track of media.getTracks()) end.addTrack(track, media);
  }

  async connect() {
    const [a, b] = this.ends;
    const open = this.channels.map((channel) => happens(channel, 'open'));
    await a.setLocalDescription();
    await b.setRemoteDescription(a.localDescription);
    await b.setLocalDescription();
    await a.setRemoteDescription(b.localDescription);
    await Promise.all(open);
  }

  // What each end has received until now, and by which candidates.
  async report() {
    return Promise.all(this.ends.map(async (end) => {
      const found = {};
      const stats = await end.getStats();
      for (const s of stats.values()) {
        if (s.type === 'inbound-rtp' && s.kind === 'video')
          Object.assign(found, {
            framesDecoded: s.framesDecoded, videoBytes: s.bytesReceived,
            videoLost: s.packetsLost,
          });
        if (s.type === 'inbound-rtp' && s.kind === 'audio')
          Object.assign(found, {
            audioPackets: s.packetsReceived, audioBytes: s.bytesReceived,
            audioLost: s.packetsLost, audioEnergy: s.totalAudioEnergy,
          });
        if (s.type === 'transport' && s.selectedCandidatePairId) {
          const pair = stats.get(s.selectedCandidatePairId);
          const local = stats.get(pair.localCandidateId);
          const remote = stats.get(pair.remoteCandidateId);
          Object.assign(found, {
            local: local.candidateType, remote: remote.candidateType,
            localAddress: `${local.address}:${local.port}`,
            roundTrip: pair.currentRoundTripTime,
          });
        }
      }
      return found;
    }));
  }

  // Sends random bytes from one end to the other; what was sent and what came.
  async transfer(from, size) {
    const sender = this.channels[from];
    const receiver = this.channels[1 - from];
    const sent = randomBytes(size);
    const received = new Uint8Array(size);
    let got = 0;
    const begin = performance.now();
    const arrived = new Promise((resolve, reject) => {
      receiver.onmessage = ({ data }) => {
        if (got + data.byteLength > size)
          return reject(new Error('more than was sent'));
        received.set(new Uint8Array(data), got);
        got += data.byteLength;
        if (got === size) resolve();
      };
      setTimeout(() => reject(new Error(`${got} of ${size} bytes`)), 60000);
    });
    for (let at = 0; at < size; at += CHUNK) {
      if (sender.bufferedAmount > HIGH_WATER)
        await happens(sender, 'bufferedamountlow');
      sender.send(sent.subarray(at, Math.min(at + CHUNK, size)));
    }
    await arrived;
    return {
      seconds: (performance.now() - begin) / 1000,
      sent: await digest(sent),
      received: await digest(received),
    };
  }

  close() {
    for (const end of this.ends) end.close();
  }
}

window.call = null;
window.startCall = async (iceServer, withMedia) => {
  window.call?.close();
  window.call = new Call(iceServer);
  if (withMedia) await window.call.addMedia();
  await window.call.connect();
};
