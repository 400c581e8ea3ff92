// chat.js URL CLIENTS MESSAGES: Socket.IO as browsers use it, polling first, then upgraded; prints how many upgraded.
const { io } = require('socket.io-client')

const [url, clients, messages] = [process.argv[2], +process.argv[3], +process.argv[4]]

function chat() {
  return new Promise((resolve) => {
    const socket = io(url, { rejectUnauthorized: false, forceNew: true })
    let left = messages
    const begin = () => {
      for (let i = 0; i < messages; i++) socket.emit('say', `message ${i}`)
    }
    socket.on('connect', () => {
      if (socket.io.engine.transport.name === 'websocket') begin()
      else socket.io.engine.once('upgrade', begin)
    })
    socket.on('said', () => {
      if (--left === 0) {
        socket.disconnect()
        resolve()
      }
    })
  })
}

Promise.all(Array.from({ length: clients }, chat)).then(() => {
  console.log(JSON.stringify({ upgraded: clients }))
  setTimeout(() => process.exit(0), 200)
})
