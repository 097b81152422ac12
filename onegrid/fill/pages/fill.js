"use strict";
/* Written for old WebViews: no modules, no arrow functions, XMLHttpRequest.
   What is typed is kept in localStorage under the owner's name until it has been sent; a household
   that was sent without a connection is queued and goes out as soon as there is one. Pages that
   were opened are kept by worker.js; where there is none (plain http) only what is open can be used. */
(function () {
  var body = document.body;
  var page = body.getAttribute("data-page");
  var owner = body.getAttribute("data-owner");
  var PREFIX = "onegrid-fill:";
  var MINE = PREFIX + owner + ":";
  var NEW = MINE + "new:";
  var RETRY_MS = 8000;
  var OLD_MS = 7 * 24 * 3600 * 1000;
  var toast = document.getElementById("toast");
  var keptAt = Number(body.getAttribute("data-kept")); /* worker.js: there was no connection */
  var isSending = false;
  var timer = 0;

  function each(list, act) {
    Array.prototype.forEach.call(list, act);
  }

  function all(selector, within) {
    return (within || document).querySelectorAll(selector);
  }

  function first(selector, within) {
    return (within || document).querySelector(selector);
  }

  function closest(node, test) {
    while (node && node !== document && !test(node)) node = node.parentNode;
    return node && node !== document ? node : null;
  }

  function has(node, name) {
    return !!node.classList && node.classList.contains(name);
  }

  function say(text, isWrong) {
    toast.textContent = text;
    toast.className = isWrong ? "wrong" : "";
    toast.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(function () { toast.hidden = true; }, isWrong ? 8000 : 3500);
  }

  function post(path, content, done) {
    var request = new XMLHttpRequest();
    request.open("POST", path);
    request.timeout = 30000;
    request.setRequestHeader("Content-Type", "application/json");
    request.setRequestHeader("X-Onegrid-Form", body.getAttribute("data-form"));
    request.onload = function () {
      var answer = null;
      try { answer = JSON.parse(request.responseText); } catch (error) { /* not our answer */ }
      if (request.status === 413) answer = { said: "内容太多，没有收。请缩短备注再交。" };
      /* A hotspot's own page, say, comes with 200: nothing has arrived. */
      done(answer ? request.status : 0, answer || {});
    };
    request.onerror = request.ontimeout = function () { done(0, {}); };
    request.send(JSON.stringify(content));
  }

  /* Pages that worker.js keeps: they go when nobody is signed in. */

  function forget(done) {
    var after = done || function () { /* nothing waits for it */ };
    if (!window.caches) {
      after();
      return;
    }
    caches.delete("onegrid-fill-pages").then(after, after);
  }

  function keepPages() {
    var worker = navigator.serviceWorker;
    if (!worker || !window.caches) return;
    worker.register("/worker.js").then(function () {
      if (worker.controller) return;
      worker.addEventListener("controllerchange", function () { fetch(location.href); }); /* this page too */
    }, function () { /* plain http, or a private window */ });
  }

  /* Every household that is still to be visited, one after the other. */
  function keepAll(button) {
    var paths = ["/newcomer"];
    each(all("#homes li.open a"), function (link) { paths.push(link.getAttribute("href")); });
    var total = paths.length;
    var step = function () {
      var path = paths.shift();
      if (!path) {
        button.textContent = "已存下 " + total + " 页，没网也能填";
        return;
      }
      button.textContent = "正在存：还有 " + (paths.length + 1) + " 页";
      fetch(path, { credentials: "same-origin" }).then(function (answer) {
        if (answer.redirected) location.assign("/sign-in");
        else step();
      }, function () {
        button.disabled = false;
        button.textContent = "没有存完，请有网时再按一次";
      });
    };
    button.disabled = true;
    step();
  }

  /* Drafts: {at, submission, values: {name: value}, sent: what goes out (queued), mend: messages} */

  function read(key) {
    try { return JSON.parse(localStorage.getItem(key)); } catch (error) { return null; }
  }

  function write(key, draft) {
    try {
      localStorage.setItem(key, JSON.stringify(draft));
      return true;
    } catch (error) {
      return false; /* private window, or full */
    }
  }

  function drop(key) {
    try { localStorage.removeItem(key); } catch (error) { /* nothing is kept there */ }
  }

  function kept(prefix) {
    var found = [];
    try {
      for (var at = 0; at < localStorage.length; at += 1) {
        var key = localStorage.key(at);
        if (key.indexOf(prefix) === 0) found.push(key);
      }
    } catch (error) { /* nothing is kept there */ }
    return found;
  }

  function newName() {
    var text = "";
    var numbers = new Uint8Array(16);
    (window.crypto || window.msCrypto).getRandomValues(numbers);
    each(numbers, function (number) { text += ("0" + number.toString(16)).slice(-2); });
    return text;
  }

  each(kept(PREFIX), function (key) {
    var draft = read(key);
    if (!draft || !(draft.at > Date.now() - OLD_MS)) drop(key);
  });

  function queue() {
    return kept(MINE).filter(function (key) {
      var draft = read(key);
      return draft && draft.sent;
    });
  }

  function showQueue(isOffline) {
    var waiting = queue().length;
    var bar = document.getElementById("queued");
    document.getElementById("offline").hidden = !isOffline && !keptAt;
    bar.hidden = !waiting;
    bar.textContent = "有 " + waiting + " 份等着交，有网后自动交。";
    if (page !== "list") return;
    var added = kept(NEW);
    var mark = document.getElementById("new-drafts");
    mark.hidden = !added.length;
    mark.textContent = "有 " + added.length + " 位新增人员没交完，按“新增人员”接着填。";
    each(all("#homes li"), function (item) {
      var draft = read(MINE + item.getAttribute("data-key"));
      var tag = first(".draft", item);
      tag.hidden = !draft;
      tag.textContent = !draft ? "" : draft.sent ? "等着交" : draft.mend ? "要改" : "没交完";
    });
  }

  /* One household of the queue after the other. */
  function flush(after) {
    if (!owner) return;
    if (isSending) {
      if (after) setTimeout(function () { flush(after); }, 500);
      return;
    }
    var key = queue()[0];
    if (!key) {
      showQueue(false);
      if (after) after();
      return;
    }
    var draft = read(key);
    isSending = true;
    post("/send", draft.sent, function (status, answer) {
      isSending = false;
      if (status === 0 || status >= 500) {
        showQueue(true);
        if (after) after();
        return;
      }
      if (status === 401) {
        showQueue(false);
        say(answer.said, true);
        forget();
        setTimeout(function () { location.assign("/sign-in"); }, 2500);
        return;
      }
      var now = read(key) || draft;
      var isNewer = now.submission !== draft.submission;
      if (status === 200 && !(answer.mend && answer.mend.length)) {
        if (!isNewer) drop(key);
      } else if (!isNewer) {
        draft.sent = null;
        draft.submission = newName();
        draft.mend = answer.mend || [];
        draft.said = answer.said || "没有收，请重试。";
        write(key, draft);
      }
      arrived(key, status, answer);
      flush(after);
    });
  }

  function arrived(key, status, answer) {
    var isHere = !!home && key === here;
    var isGood = status === 200 && !(answer.mend && answer.mend.length);
    if (isHere && isGood) {
      try { sessionStorage.setItem("said", answer.said); } catch (error) { /* only a courtesy */ }
      var after = body.getAttribute("data-after");
      location.assign(after ? "/household/" + after : "/");
    } else if (isHere) {
      showMessages(answer.mend || []);
      say(answer.said || "没有收，请重试。", true);
      setState("还有要改的");
    } else {
      say(answer.said || "没有收，请重试。", !isGood);
      if (page === "list" && isGood) location.reload();
    }
  }

  /* The household */

  var home = document.getElementById("home");
  var here = page === "newcomer" ? newcomer() : MINE + body.getAttribute("data-key");

  /* Every new resident is a draft of their own; one that was not sent yet comes back first. */
  function newcomer() {
    var begun = kept(NEW).filter(function (key) { return !(read(key) || {}).sent; });
    return begun[0] || NEW + newName();
  }

  function setState(text) {
    document.getElementById("state").textContent = text;
  }

  function values() {
    var found = {};
    each(home.elements, function (control) {
      if (!control.name) return;
      if (control.type === "radio" ? control.checked : control.value) {
        if (control.value) found[control.name] = control.value;
      }
    });
    return found;
  }

  function keep() {
    var found = values();
    var draft = read(here);
    if (!Object.keys(found).length) {
      drop(here);
      setState("");
      return;
    }
    /* Anything typed after sending makes it another submission. */
    if (!draft || draft.sent) draft = { submission: newName() };
    draft.values = found;
    draft.at = Date.now();
    setState(write(here, draft) ? "已存在手机里，还没交" : "还没交");
  }

  function reveal() {
    each(all(".member"), function (member) {
      var id = member.getAttribute("data-resident");
      var chosen = first('[name="' + id + ':result"]:checked', member);
      var way = chosen ? chosen.value : "";
      member.classList[way ? "add" : "remove"]("away");
      var died = first(".died", member);
      if (died) died.hidden = way !== "已死亡";
      if (way) first(".out", member).open = true;
      each(all(".cell", member), function (cell) {
        var field = cell.getAttribute("data-field");
        if (!field) return;
        var control = first('[name="' + id + ":" + field + '"]', cell);
        var change = first(".change", cell);
        var no = first("input[value=no]", cell);
        if (no) change.hidden = !no.checked;
        else if (change && control && control.value) change.hidden = false;
        var isFilled = control && control.value && (!no || no.checked);
        cell.classList[isFilled ? "add" : "remove"]("filled");
      });
    });
  }

  function restore() {
    var draft = read(here);
    if (!draft) return;
    each(home.elements, function (control) {
      if (!control.name || !(control.name in draft.values)) return;
      if (control.type === "radio") control.checked = control.value === draft.values[control.name];
      else control.value = draft.values[control.name];
    });
    setState(draft.sent ? "等着交" : "接着填（还没交）");
    if (draft.mend) showMessages(draft.mend);
  }

  function collect() {
    var members = [];
    var found = values();
    each(all(".member"), function (section) {
      var id = section.getAttribute("data-resident");
      var rows = JSON.parse(section.getAttribute("data-rows"));
      var way = found[id + ":result"] || null;
      each(rows, function (row) { row.answers = {}; row.right = []; });
      if (!way) {
        each(all(".cell", section), function (cell) {
          var field = cell.getAttribute("data-field");
          if (!field) return;
          var row = rows.filter(function (r) { return r.form === cell.getAttribute("data-form"); })[0];
          var name = id + ":" + field;
          var said = found[name + ":right"];
          if (said === "yes") row.right.push(field);
          else if (found[name] && (!has(cell, "verify") || said === "no")) row.answers[field] = found[name];
        });
      }
      each(rows, function (row) { delete row.form; });
      var remark = found[id + ":remark"] || null;
      var isTold = rows.some(function (row) {
        return row.right.length || Object.keys(row.answers).length;
      });
      if (way || remark || isTold) {
        members.push({ resident_id: id, result: way, remark: remark,
          died_on: way === "已死亡" ? found[id + ":died_on"] || null : null, rows: rows });
      }
    });
    return members;
  }

  function clearMessages() {
    each(all(".bad", home), function (node) { node.hidden = true; });
    each(all(".cell.wrong", home), function (cell) { cell.classList.remove("wrong"); });
  }

  function showMessages(messages) {
    clearMessages();
    var top = null;
    each(messages, function (message) {
      var member = first('.member[data-resident="' + message.resident_id + '"]');
      if (!member) return;
      var at = first(".row-message", member);
      if (message.field === "result" || message.field === "death_date") at = first(".result-message", member);
      else if (message.field) {
        var cell = first('.cell[data-field="' + message.field + '"]', member);
        if (cell) {
          var change = first(".change", cell);
          var known = closest(cell, function (node) { return has(node, "known"); });
          if (change) change.hidden = false;
          if (known) known.open = true;
          at = first(".bad", cell) || at;
          cell.classList.add("wrong");
        }
      }
      at.textContent = message.text;
      at.hidden = false;
      top = top || at;
    });
    if (top && top.scrollIntoView) {
      top.scrollIntoView();
      window.scrollBy(0, -200);
    }
  }

  function send() {
    clearMessages();
    var members = collect();
    if (!members.length) {
      say("还没有填写内容。", true);
      return;
    }
    var half = first(".cell.verify input[value=no]:checked", home) && all(".member:not(.away) .cell.verify");
    var isHalf = false;
    each(half || [], function (cell) {
      var no = first("input[value=no]", cell);
      if (no.checked && !has(cell, "filled")) {
        var bad = first(".bad", cell);
        bad.textContent = "选了“不对”，请填应该是什么。";
        bad.hidden = false;
        if (!isHalf) cell.scrollIntoView();
        isHalf = true;
      }
    });
    if (isHalf) {
      window.scrollBy(0, -80);
      return;
    }
    var draft = read(here) || {};
    draft.submission = draft.submission || newName();
    draft.at = Date.now();
    draft.values = values();
    draft.mend = null;
    draft.sent = { submission: draft.submission, members: members };
    var button = first("[data-do=send]");
    button.disabled = true;
    setState("正在交……");
    if (write(here, draft)) {
      flush(function () {
        button.disabled = false;
        if (read(here) && read(here).sent) {
          setState("已存在手机里，有网后自动交");
          say("没有连上。已存在这台手机里，有网后自动交。");
        }
      });
      setTimeout(function () { button.disabled = false; }, 31000);
      return;
    }
    post("/send", draft.sent, function (status, answer) { /* a phone that keeps nothing */
      button.disabled = false;
      if (status === 0 || status >= 500) say("没有连上，还没有交。请不要关掉本页，稍后再按。", true);
      else arrived(here, status, answer);
    });
  }

  function signOut() {
    var left = kept(MINE).length;
    if (left && !window.confirm("还有 " + left + " 份没有交上去，退出会删掉这些内容。确定退出吗？")) return;
    post("/sign-out", {}, function (status) {
      if (status === 0 || status >= 500) {
        say("没有网络，没能退出。请有网后再退出。", true);
        return;
      }
      each(kept(MINE), drop);
      forget(function () { location.replace("/sign-in"); });
    });
  }

  /* The list */

  function filter() {
    var wanted = document.getElementById("find").value.trim();
    var show = first("[name=show]:checked").value;
    var any = false;
    each(all("#homes li"), function (item) {
      var fits = (show === "all" || has(item, show)) && item.textContent.indexOf(wanted) >= 0;
      item.hidden = !fits;
      any = any || fits;
    });
    document.getElementById("nobody").hidden = any;
  }

  /* Signing in */

  function signIn(token) {
    var wrong = document.getElementById("wrong");
    post("/sign-in", { token: token }, function (status, answer) {
      if (status === 200) {
        location.replace(answer.to);
        return;
      }
      wrong.textContent = status ? answer.said || "没有登录上，请重试。" : "没有网络，请稍后再试。";
      wrong.hidden = false;
    });
  }

  if (page === "sign-in") {
    forget();
    body.setAttribute("data-form", "sign-in");
    var input = document.getElementById("token");
    document.getElementById("sign-in").addEventListener("submit", function (event) {
      event.preventDefault();
      signIn(input.value);
    });
    var follow = function () {
      var linked = location.hash.slice(1);
      if (!linked) return;
      history.replaceState(null, "", "/sign-in"); /* the token does not stay in the address */
      input.value = linked;
      signIn(linked);
    };
    window.addEventListener("hashchange", follow);
    follow();
    return;
  }

  document.addEventListener("click", function (event) {
    var button = closest(event.target, function (node) { return node.tagName === "BUTTON"; });
    var act = button && button.getAttribute("data-do");
    if (act === "send") send();
    else if (act === "sign-out") signOut();
    else if (act === "keep-all") keepAll(button);
    else if (act === "again") {
      var cell = closest(button, function (node) { return has(node, "cell"); });
      first(".change", cell).hidden = false;
      var control = first("input, select, textarea", cell);
      if (control) control.focus();
    }
  });

  if (home) {
    restore();
    reveal();
    home.addEventListener("input", function () { reveal(); keep(); });
    home.addEventListener("change", function () { reveal(); keep(); });
    home.addEventListener("submit", function (event) { event.preventDefault(); });
  }
  if (page === "list") {
    if (navigator.serviceWorker && window.caches) each(all("[data-do=keep-all]"), function (button) {
      button.hidden = false;
    });
    document.getElementById("find").addEventListener("input", filter);
    each(all("[name=show]"), function (choice) { choice.addEventListener("change", filter); });
    filter();
  }
  if (owner) {
    window.addEventListener("online", function () { flush(); });
    window.addEventListener("offline", function () { showQueue(true); });
    setInterval(function () { if (queue().length) flush(); }, RETRY_MS);
    if (keptAt) {
      var when = new Date(keptAt);
      document.getElementById("offline").textContent = "没有网络，这是 " + when.getHours() + ":" +
        ("0" + when.getMinutes()).slice(-2) + " 存下的页面。填的内容留在手机里，有网后自动交。";
    }
    keepPages();
    showQueue(navigator.onLine === false);
    if (navigator.onLine !== false) flush();
  }
  var said = null;
  try {
    said = sessionStorage.getItem("said");
    sessionStorage.removeItem("said");
  } catch (error) { /* only a courtesy */ }
  if (said) say(said);
})();
