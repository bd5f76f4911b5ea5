'use strict';
(function () {
  var root = document.documentElement;
  root.classList.add('js');
  var box = document.querySelector('.search');
  var query = document.getElementById('query');
  var found = document.getElementById('found');
  var rules = Array.prototype.slice.call(document.querySelectorAll('.rule'));
  if (box && rules.length > 1) {
    box.hidden = false;
    var filter = function () {
      var words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
      var shown = 0;
      rules.forEach(function (rule) {
        var text = rule.textContent.toLowerCase();
        var fits = words.every(function (word) { return text.indexOf(word) >= 0; });
        rule.hidden = !fits;
        shown += fits ? 1 : 0;
      });
      document.querySelectorAll('.group').forEach(function (group) {
        group.hidden = !group.querySelector('.rule:not([hidden])');
      });
      found.textContent = words.length ? shown + ' of ' + rules.length : '';
    };
    query.addEventListener('input', filter);
    filter();
  }
  window.addEventListener('beforeprint', function () {
    document.querySelectorAll('details').forEach(function (group) { group.open = true; });
  });
})();
