// Gathers candidates with one RTCPeerConnection and shows them as they come.

const field = (id) => document.getElementById(id);
let connection = null;

function addRow(table, cells) {
  const row = field(table).insertRow();
  for (const cell of cells) row.insertCell().textContent = cell ?? '';
}

async function gather() {
  connection?.close();
  field('candidates').replaceChildren();
  field('errors').replaceChildren();
  field('state').textContent = 'gathering';
  connection = new RTCPeerConnection({
    iceServers: [{
      urls: field('uri').value,
      username: field('user').value,
      credential: field('password').value,
    }],
    iceTransportPolicy: field('only').checked ? 'relay' : 'all',
  });
  const begin = performance.now();
  const elapsed = () => Math.round(performance.now() - begin);
  connection.onicecandidate = ({ candidate: c }) => {
    if (c?.candidate)
      addRow('candidates', [elapsed(), c.type, c.protocol, c.address, c.port]);
  };
  connection.onicecandidateerror = (e) => {
    addRow('errors', [elapsed(), e.errorCode, e.errorText, e.url]);
  };
  connection.onicegatheringstatechange = () => {
    if (connection.iceGatheringState === 'complete')
      field('state').textContent = `complete after ${elapsed()} ms`;
  };
  connection.createDataChannel('candidates');
  await connection.setLocalDescription();
}

field('form').addEventListener('submit', (event) => {
  event.preventDefault();
  gather().catch((error) => { field('state').textContent = String(error); });
});
