// client.js URL SESSIONS WAYS [LONGEST]: opens sessions ten at a time, sends messages of all lengths, ends them in the given ways
// in turn, and prints what it did as JSON. A way: a close code, or "cut" for no close frame.
const WebSocket = require('ws')

const [url, sessions, ways] = [process.argv[2], +process.argv[3], process.argv[4].split(',')]
const longest = +(process.argv[5] || 1 << 20)
const LENGTHS = [0, 1, 125, 126, 257, 65535, 65536, 1 << 20].filter((length) => length <= longest)
const truth = { opened: 0, sent: 0, received: 0, closes: {} }

function session(number) {
  return new Promise((resolve, reject) => {
    const way = ways[number % ways.length]
    const socket = new WebSocket(url, { perMessageDeflate: number % 2 === 0, rejectUnauthorized: false })
    const end = () => (way === 'cut' ? socket.terminate() : socket.close(+way))
    let echoes = LENGTHS.length + 1 // and the fragmented one
    socket.on('error', reject)
    socket.on('open', () => {
      truth.opened++
      for (const length of LENGTHS) socket.send(Buffer.alloc(length, 'm'))
      socket.send('in ', { fin: false })
      socket.ping()
      socket.send('two', { fin: true })
      truth.sent += LENGTHS.length + 1
    })
    socket.on('message', (message) => {
      truth.received++
      if (message.toString() !== 'welcome' && --echoes === 0) end()
    })
    socket.on('close', () => {
      truth.closes[way] = (truth.closes[way] || 0) + 1
      resolve()
    })
  })
}

async function main() {
  for (let first = 0; first < sessions; first += 10) {
    await Promise.all(Array.from({ length: Math.min(10, sessions - first) }, (_, i) => session(first + i)))
  }
  console.log(JSON.stringify(truth))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
