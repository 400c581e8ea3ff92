// Echoes on /echo (ws), greets first; Socket.IO under its usual path. TLS where CERTIFICATE and KEY name files.
const fs = require('fs')
const { WebSocketServer } = require('ws')
const { Server } = require('socket.io')

const { CERTIFICATE, HOST = '127.0.0.1', KEY, PORT } = process.env
const answer = (request, response) => response.end('not a session')
const server = CERTIFICATE
  ? require('https').createServer({ cert: fs.readFileSync(CERTIFICATE), key: fs.readFileSync(KEY) }, answer)
  : require('http').createServer(answer)

const echo = new WebSocketServer({ noServer: true, perMessageDeflate: true })
echo.on('connection', (session) => {
  session.send('welcome')
  session.on('message', (message, binary) => session.send(message, { binary }))
})
new Server(server).on('connection', (socket) => socket.on('say', (text) => socket.emit('said', text)))
server.on('upgrade', (request, socket, head) => {
  if (request.url.startsWith('/echo')) echo.handleUpgrade(request, socket, head, (session) => echo.emit('connection', session, request))
})
server.listen(+PORT, HOST)
