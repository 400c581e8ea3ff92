// The service of ../../grpc/service.go on grpc-js: each message is a string in a StringValue, "CODE N MS BYTES" in requests.
// With a CERTIFICATE (a file with a key, too) in the environment it speaks TLS.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

// A StringValue is field 1 alone: its tag, the length as a varint, the text.
function encode(text) {
  const length = [];
  let rest = text.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return text.length ? Buffer.concat([Buffer.from([10, ...length, rest]), Buffer.from(text, 'latin1')]) : Buffer.alloc(0);
}

function decode(bytes) {
  let at = 1;
  while (bytes[at] > 127) at++;
  const [code, n, ms, size] = bytes.toString('latin1', at + 1).split(' ').map(Number);
  return { code: code || 0, n: n || 0, ms: ms || 0, size: size || 0 };
}

const message = (wished) => '\0'.repeat(wished.size);
const ending = (wished) => (wished.code ? { code: wished.code, details: 'as wished' } : null);

function create(call, done) {
  setTimeout(() => done(ending(call.request), message(call.request)), call.request.ms);
}

function list(call) {
  const wished = call.request;
  const next = (left) => {
    if (!left) return wished.code ? call.emit('error', ending(wished)) : call.end();
    call.write(message(wished));
    return setTimeout(next, wished.ms, left - 1);
  };
  next(wished.n);
}

function upload(call, done) {
  let wished = { code: 0, size: 0 };
  call.on('data', (request) => { wished = request; });
  call.on('end', () => done(ending(wished), message(wished)));
}

function chat(call) {
  let wished = { code: 0 };
  call.on('data', (request) => {
    wished = request;
    call.write(message(wished));
  });
  call.on('end', () => (wished.code ? call.emit('error', ending(wished)) : call.end()));
}

const describe = (name, requestStream, responseStream) => ({
  path: `/e2e.shop.Orders/${name}`,
  requestStream,
  responseStream,
  requestSerialize: encode,
  requestDeserialize: decode,
  responseSerialize: encode,
  responseDeserialize: decode,
});
const service = {
  create: describe('Create', false, false),
  list: describe('List', false, true),
  upload: describe('Upload', true, false),
  chat: describe('Chat', true, true),
};

function credentials() {
  if (!process.env.CERTIFICATE) return grpc.ServerCredentials.createInsecure();
  const both = fs.readFileSync(process.env.CERTIFICATE);
  return grpc.ServerCredentials.createSsl(null, [{ private_key: both, cert_chain: both }]);
}

const server = new grpc.Server();
server.addService(service, { create, list, upload, chat });
server.bindAsync(`127.0.0.1:${process.env.PORT}`, credentials(), (error) => { if (error) throw error; });
