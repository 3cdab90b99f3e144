// One request with a token from a file, as an SDK sends it: URL FILE. Prints status and code, or why there was no answer.
import { readFileSync } from 'node:fs';
import { get } from 'node:http';

const [url, file] = process.argv.slice(2);
const headers = { Authorization: readFileSync(file, 'utf8') };
get(url, { headers, agent: false, timeout: 3_000 }, response => {
  let body = '';
  response.setEncoding('utf8').on('data', chunk => {
    body += chunk;
  });
  response.on('end', () => console.log(`${response.statusCode} ${JSON.parse(body).code ?? JSON.parse(body).Code}`));
})
  .on('timeout', function () {
    this.destroy(new Error('timeout'));
  })
  .on('error', error => console.log(error.code ?? error.message));
