// What every page may use. Without it every page still works by its links and forms.
