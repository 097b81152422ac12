"use strict";
/* Shows pages that were opened on this phone when there is no connection. They hold residents' data:
   they are forgotten at sign-out, when the session or the token has ended, at the next sign-in, and
   after twelve hours. Scripts and styles say nothing about anybody and stay. */
var PAGES = "onegrid-fill-pages";
var SHELL = "onegrid-fill-shell";
var PARTS = ["/fill.css", "/fill.js", "/offline"];
var OLD_MS = 12 * 3600 * 1000;
var PATIENCE_MS = 6000;
var KEPT_AT = "X-Onegrid-Kept";

self.addEventListener("install", function (event) {
  event.waitUntil(caches.open(SHELL).then(function (shell) {
    return shell.addAll(PARTS);
  }).then(function () { return self.skipWaiting(); }));
});

self.addEventListener("activate", function (event) {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", function (event) {
  var url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname === "/" || url.pathname === "/newcomer" || url.pathname.indexOf("/household/") === 0) {
    event.respondWith(page(event));
  } else if (PARTS.indexOf(url.pathname) >= 0) {
    event.respondWith(part(event));
  }
});

function part(event) {
  return fetch(event.request).then(function (response) {
    if (response.status === 200) {
      var copy = response.clone();
      event.waitUntil(caches.open(SHELL).then(function (shell) { return shell.put(event.request, copy); }));
    }
    return response;
  }).catch(function () { return caches.match(event.request); });
}

/* From the server; what was kept where it cannot be reached, or takes too long. */
function page(event) {
  return new Promise(function (resolve) {
    setTimeout(function () {
      kept(event.request).then(function (found) { if (found) resolve(found); });
    }, PATIENCE_MS);
    fetch(event.request).then(function (response) {
      if (response.status === 200 && !response.redirected) {
        event.waitUntil(keep(event.request, response.clone()));
        resolve(response);
      } else if (response.type === "opaqueredirect" || response.redirected) {
        caches.delete(PAGES).then(function () { resolve(response); });  /* to the sign-in */
      } else {
        resolve(response);
      }
    }, function () {
      kept(event.request).then(function (found) {
        return found || caches.match("/offline");
      }).then(resolve);
    });
  });
}

function keep(request, response) {
  return response.blob().then(function (content) {
    var headers = new Headers(response.headers);
    headers.set(KEPT_AT, String(Date.now()));
    return caches.open(PAGES).then(function (pages) {
      return pages.put(request.url, new Response(content, { status: 200, headers: headers }));
    });
  });
}

function kept(request) {
  return caches.open(PAGES).then(function (pages) {
    return pages.match(request.url).then(function (found) {
      if (!found) return undefined;
      var at = Number(found.headers.get(KEPT_AT));
      if (Date.now() - at < OLD_MS) return marked(found, at);
      return caches.delete(PAGES).then(function () { return undefined; });
    });
  });
}

/* The page tells that it was kept, and when. */
function marked(found, at) {
  return found.text().then(function (text) {
    var body = text.replace("<body ", '<body data-kept="' + at + '" ');
    return new Response(body, { status: 200, headers: found.headers });
  });
}
