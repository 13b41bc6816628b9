//! What becomes of targets that open no ICE session.
