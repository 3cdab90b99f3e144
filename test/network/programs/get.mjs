// One bare GET, as an SDK makes it: prints [status, code] of the answer, or the code of the error. argv: URL, headers as JSON.
import { request as http } from 'node:http';
import { request as https } from 'node:https';

const [url, headers = '{}'] = process.argv.slice(2);
const said = await new Promise(resolve => {
  // The certificate is of the URL's host, whatever the Host header says; an address has no server name.
  const { hostname } = new URL(url);
  const servername = /^[\d.]+$|^\[/.test(hostname) ? {} : { servername: hostname };
  const options = { headers: JSON.parse(headers), agent: false, timeout: 1500, ...servername };
  const request = (url.startsWith('https:') ? https : http)(url, options, answer => {
    let body = '';
    answer.setEncoding('utf8').on('data', chunk => {
      body += chunk;
    });
    answer.on('end', () =>
      resolve([answer.statusCode, body.startsWith('{') ? (JSON.parse(body).code ?? 'Success') : body]),
    );
  });
  request.on('timeout', () => request.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
  request.on('error', error => resolve(error.code));
  request.end();
});
console.log(JSON.stringify(said));
