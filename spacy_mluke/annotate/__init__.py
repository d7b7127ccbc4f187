"""Write predictions to a Doc, and read them from it. Only this folder writes to a Doc."""
