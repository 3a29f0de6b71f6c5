// SPDX-License-Identifier: GPL-2.0
// node http.js serve PORT             pages of the size that the path says
// node http.js run ADDR PORT N SIZE   N requests, 10 at a time on connections kept alive
'use strict';
const http = require('http');
const crypto = require('crypto');
const [what, ...args] = process.argv.slice(2);

function page(size) {
	return Buffer.alloc(size, 'TCP sockets over RDMA, page of ' + size + ' bytes. ');
}

function digest(data) {
	return crypto.createHash('sha256').update(data).digest('hex');
}

if (what === 'serve') {
	http.createServer((req, res) => {
		const chunks = [];
		req.on('data', c => chunks.push(c));
		req.on('end', () => {
			res.setHeader('X-Got', digest(Buffer.concat(chunks)));
			res.end(page(Number(req.url.slice(1))));
		});
	}).listen(Number(args[0]), '::');
} else {
	const [host, port, n, size] = [args[0], ...args.slice(1).map(Number)];
	const agent = new http.Agent({ keepAlive: true, maxSockets: 10 });
	const want = digest(page(size));
	let good = 0, done = 0;

	const over = why => {
		if (why)
			console.error('http:', why);
		if (++done === n) {
			console.log(`${good} of ${n} requests well`);
			process.exit(good === n ? 0 : 1);
		}
	};
	for (let i = 0; i < n; i++) {
		const body = page(size / 2 + i);
		const req = http.request({ host, port, agent, path: '/' + size, method: 'POST' },
			res => {
				const chunks = [];
				res.on('data', c => chunks.push(c));
				res.on('end', () => {
					if (digest(Buffer.concat(chunks)) === want &&
					    res.headers['x-got'] === digest(body))
						good++;
					over();
				});
				res.on('error', over);
			});
		req.on('error', over);
		req.end(body);
	}
}
